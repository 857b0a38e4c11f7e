"""Studies with people, as the paper's (arXiv 2302.05543, section 4): rank pictures blind, tell two systems apart."""
