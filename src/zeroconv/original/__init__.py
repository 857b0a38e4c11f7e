"""The original layout of Stable Diffusion's files: the names of its weights, and what a file in it is.

Source: CompVis/latent-diffusion (arXiv 2112.10752) and Stability-AI/generative-models (SDXL, arXiv 2307.01952).
names: renaming in general; unet, autoencoder, text_encoders: each part both ways; strangers: files of other kinds.
"""
