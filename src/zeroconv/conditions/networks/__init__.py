"""The networks behind conditions that need one: torch alone, one file a network, keys as in the published weights.

Each module has a `build` that makes the network a file was written for, from the shapes of the file's tensors.
"""
