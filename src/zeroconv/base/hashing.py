"""Hashes that name weights exactly: equal if and only if nothing changed."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zeroconv.base.model import BaseModel


def weights_hash(*networks: nn.Module) -> str:
    """sha256 over names, types, shapes and values of the networks' states, in 64 hexadecimal digits."""
    return _hash(*(network.state_dict() for network in networks))


def base_hash(base: BaseModel) -> str:
    """The hash of everything that is locked in a base: U-Net (but for weights in training), autoencoder, encoders."""
    states = [network.state_dict() for network in (base.unet, base.vae, *base.text_encoders)]
    for name, weight in base.unet.named_parameters():
        if weight.requires_grad:
            del states[0][name]
    return _hash(*states)


def _hash(*states: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for number, state in enumerate(states):
        digest.update(f"{number} ".encode() if number else b"")
        for name, value in sorted(state.items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
