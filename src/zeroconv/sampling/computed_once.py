"""What a prediction need not compute: the text's keys and values at every step, and twice what comes before the text.

Under guidance the two halves of a batch, unconditional and conditional, begin with the same latents: up to the first
cross-attention a network computes the same for both, at SD 1.5's size 6 % of the U-Net and 18 % of a ControlNet, most
of it the self-attention of the largest level. Networks are left as they are found: single modules get another forward
for the length of one prediction. Letters: B pictures, 2B predictions under guidance.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from zeroconv.sampling.forwards import Forward, forward_of, replaced, within_compiled


class ComputedOnce:
    """One network and one text over one sampling."""

    def __init__(self, network: nn.Module) -> None:
        compiled = within_compiled(network)
        self._reads_text = [_Remembered(module) for module in text_readers(network) if module not in compiled]
        self._before_text = [module for module in before_text(network) if module not in compiled]
        self._network = network

    @contextmanager
    def predicting(self, *, is_doubled: bool) -> Iterator[None]:
        """Meanwhile the network computes these once; is_doubled: its 2B rows are the same latents twice."""
        forwards: dict[nn.Module, Forward] = {reader.module: reader for reader in self._reads_text}
        if is_doubled:
            forwards |= {module: _for_both_halves(forward_of(module)) for module in self._before_text}
        with replaced(self._network, forwards):
            yield


class _Remembered:
    """A module's forward that gives its last output again where its input is the same tensor."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self._forward = module, forward_of(module)
        self._seen: Tensor | None = None
        self._output: Tensor | None = None

    def __call__(self, text: Tensor) -> Tensor:
        if self._output is None or self._seen is not text or torch.is_grad_enabled():
            self._seen, self._output = text, self._forward(text)
        return self._output


def _for_both_halves(forward: Callable[..., Tensor]) -> Forward:
    """The forward on the first half of its rows, its output for both."""

    def halved(hidden: Tensor, *others: Any, **named: Any) -> Tensor:
        rows = len(hidden)

        def half(value: Any) -> Any:
            return value[: rows // 2] if isinstance(value, Tensor) and value.ndim and len(value) == rows else value

        output = forward(half(hidden), *map(half, others), **{name: half(value) for name, value in named.items()})
        return torch.cat([output, output])

    return halved


def text_readers(network: nn.Module) -> list[nn.Module]:
    """The layers that make keys and values of the text, in a network of diffusers' blocks."""
    crossing = [module for module in network.modules() if getattr(module, "is_cross_attention", False)]
    return [getattr(module, part) for module in crossing for part in ("to_k", "to_v")]


def before_text(network: Any) -> list[nn.Module]:
    """The costly modules that the text cannot reach, in the order they run: up to the first cross-attention; where the
    time embedding reads the text, as SDXL's does, the first convolution alone."""
    found: list[nn.Module] = [network.conv_in]
    if getattr(network, "add_embedding", None) is not None:
        return found
    for block in network.down_blocks:
        if getattr(block, "has_cross_attention", False):
            return [*found, block.resnets[0], *_before_text_in(block.attentions[0])]
        if getattr(block, "attentions", None):
            return found
        found += [*block.resnets, *(getattr(block, "downsamplers", None) or ())]
    return found


def _before_text_in(transformer: Any) -> list[nn.Module]:
    """Of diffusers' Transformer2DModel, projection and self-attention; norms cost no more than the copies would."""
    blocks = getattr(transformer, "transformer_blocks", None)
    if not blocks or getattr(blocks[0].attn1, "is_cross_attention", True):
        return []
    return [transformer.proj_in, blocks[0].attn1]
