"""Less memory for the same pictures: networks on the GPU only while they run, text encoders gone once they have read.

The order is that of diffusers' model offloading: text encoders, then U-Net and ControlNets, then the autoencoder.
Text encoders run where they lie, on the processor. Shapes: B pictures, C latent channels, h w latents, H W pixels.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from zeroconv.allocator import freed_memory_given_back
from zeroconv.base import BaseModel
from zeroconv.generate.prepared import Prepared
from zeroconv.generate.prompt_modes import encode_prompts

_LARGE = 512 * 512
"""Pixels from which decoding takes more memory than sampling."""


@contextmanager
def lent(device: torch.device | None, *networks: nn.Module) -> Iterator[None]:
    """The networks on `device` meanwhile, then back where they lay; None: they stay."""
    if device is None:
        yield
        return
    places = [next(network.parameters()).device for network in networks]
    try:
        for network in networks:
            network.to(device)
        yield
    finally:
        for network, place in zip(networks, places, strict=True):
            network.to(place)


def without_text_encoders(prepared: Prepared) -> Prepared:
    """The same with its prompts read and a base that has no text encoders: whoever holds no other base frees them."""
    request, base = prepared.request, prepared.base
    is_shared = isinstance(request.prompt, str) and isinstance(request.negative, str)
    pictures = [request.only([index]) for index in range(1 if is_shared else len(request.seeds))]
    texts = tuple(
        encode_prompts(base, _rows(one.prompt), _rows(one.negative), prepared.size, one.prompt_mode) for one in pictures
    )
    return replace(prepared, base=replace(base, text_encoders=()), texts=texts)


def _rows(text: str | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def decoded(base: BaseModel, latents: Tensor) -> Tensor:
    """Latents (B, C, h, w) -> pictures (B, 3, H, W) in [-1, 1]: together where the memory suffices, else one by one and
    large ones in tiles, which overlap but do not know of each other."""
    is_large = latents[:, 0].numel() * base.factor**2 >= _LARGE
    with freed_memory_given_back() if is_large else nullcontext():
        return _decoded(base, latents)


def _decoded(base: BaseModel, latents: Tensor) -> Tensor:
    try:
        return base.decode(latents)
    except torch.OutOfMemoryError:
        warnings.warn("the memory did not suffice to decode at once: done in tiles, colours may differ", stacklevel=5)
    base.vae.enable_slicing()
    base.vae.enable_tiling()
    try:
        return base.decode(latents)
    finally:
        base.vae.disable_slicing()
        base.vae.disable_tiling()
