"""Hashes that name weights exactly: equal if and only if nothing changed."""

import hashlib

import torch
from torch import nn

from zeroconv.base import BaseModel


def weights_hash(*networks: nn.Module) -> str:
    """sha256 over names, types, shapes and values of the networks' states, in 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for number, network in enumerate(networks):
        digest.update(f"{number} ".encode() if number else b"")
        for name, value in sorted(network.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def base_hash(base: BaseModel) -> str:
    """The hash of everything that is locked in a base: U-Net, autoencoder and text encoders."""
    return weights_hash(base.unet, base.vae, *base.text_encoders)
