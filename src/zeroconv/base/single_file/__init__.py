"""A base in a single .safetensors, .ckpt or .pth file: read without a network, written, and told what it is.

layout: which base a file holds; configs: its networks; vocabulary: CLIP's, which no such file holds; prediction: what
the U-Net predicts; reading and writing: the parts.
"""
