"""Is a network that was converted still the same? Both are run on the same random input and compared.

Shapes: latents (1, C, 16, 16), text (1, 77, D), condition (1, channels, 16 f, 16 f) for f pixels per latent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zeroconv.control import Control, ControlNet, Text

_SIDE = 16
_TIMESTEP = 500


@dataclass(frozen=True)
class Proof:
    """How far two networks' outputs are apart on one random input."""

    what: str
    difference: float
    """The largest absolute difference of any number."""
    largest: float
    """The largest absolute value, to compare it with."""

    def __str__(self) -> str:
        return f"{self.what}: largest difference {self.difference:.3g}, largest value {self.largest:.3g}"


def compared(what: str, one: Sequence[Tensor], other: Sequence[Tensor]) -> Proof:
    """The proof that two lists of outputs give."""
    differences = [float((a - b).abs().max()) for a, b in zip(one, other, strict=True)]
    return Proof(what, max(differences), max(float(output.abs().max()) for output in one))


def in_memory(network: Any) -> Any:
    """The network with its weights copied out of a mapped file, where odd addresses change the last bit of a sum."""
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()
    return network


@torch.no_grad()
def residuals_of(net: nn.Module, config: Mapping[str, Any], factor: int, channels: int) -> tuple[Tensor, ...]:
    """The residuals of our ControlNet or diffusers' on the random input that its config asks for."""
    latents, text = _inputs(config)
    side = factor * _SIDE
    condition = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(1))
    timesteps = torch.tensor([_TIMESTEP])
    if isinstance(net, ControlNet):
        control: Control = net(latents, timesteps, text, condition)
        return control.residuals
    skips, middle = net(latents, timesteps, text.tokens, condition, added_cond_kwargs=_added(text), return_dict=False)
    return (*skips, middle)


@torch.no_grad()
def outputs_of(unet: Any, vae: Any, text_encoders: Sequence[Any]) -> dict[str, Tensor]:
    """What each network of a base answers to random input, by the network's name; float32."""
    for network in (unet, vae, *text_encoders):
        in_memory(network)
    latents, text = _inputs(unet.config)
    small = latents[:, : vae.config.latent_channels, :4, :4]
    found = {
        "U-Net": unet(
            latents.to(unet.dtype),
            torch.tensor([_TIMESTEP]),
            text.tokens.to(unet.dtype),
            added_cond_kwargs=_added(text),
            return_dict=False,
        )[0],
        "autoencoder": vae.decode(small.to(vae.dtype), return_dict=False)[0],
    }
    for number, encoder in enumerate(text_encoders, 1):
        name = "text encoder" if len(text_encoders) == 1 else f"text encoder {number}"
        length = encoder.config.max_position_embeddings
        tokens = torch.arange(length)[None] * 7 % encoder.config.vocab_size
        found[name] = encoder(tokens, output_hidden_states=True).hidden_states[-1]
    return {name: output.float() for name, output in found.items()}


def _inputs(config: Mapping[str, Any]) -> tuple[Tensor, Text]:
    random = torch.Generator().manual_seed(0)
    latents = torch.randn(1, config["in_channels"], _SIDE, _SIDE, generator=random)
    tokens = torch.randn(1, 77, config["cross_attention_dim"], generator=random)
    if config.get("addition_embed_type") != "text_time":
        return latents, Text(tokens)
    width = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
    sizes = torch.tensor([[1024.0, 1024.0, 0.0, 0.0, 1024.0, 1024.0]])
    return latents, Text(tokens, torch.randn(1, width, generator=random), sizes)


def _added(text: Text) -> dict[str, Tensor | None] | None:
    return None if text.pooled is None else {"text_embeds": text.pooled, "time_ids": text.sizes}
