"""The U-Net's deep levels kept from a step before: DeepCache, arXiv 2312.00858, cut below the first level.

Between two steps the deep features hardly change. In a step that keeps them only the first level of the encoder and the
last of the decoder run: what the decoder's last level reads from below is that of the step before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from zeroconv.sampling.forwards import Forward, forward_of, replaced, within_compiled
from zeroconv.sampling.savings import Rhythm
from zeroconv.sampling.timing import Moment


class DeepFeatures:
    """The deep levels of one U-Net over one sampling; a U-Net that is compiled as a whole computes them always."""

    def __init__(self, unet: nn.Module, every: int) -> None:
        self._unet, self._rhythm = unet, Rhythm(every)
        deep = [] if every == 1 else deep_modules(unet)
        self._deep = [] if within_compiled(unet).intersection(deep) else deep
        self._outputs: dict[nn.Module, Any] = {}

    @contextmanager
    def predicting(self, moment: Moment, circumstances: object) -> Iterator[None]:
        """Meanwhile the deep levels are computed anew and kept, or give again what was kept."""
        forward = self._keeping if self._rhythm.is_due(moment, circumstances) else self._again
        with replaced(self._unet, {module: forward(module) for module in self._deep}):
            yield

    def _keeping(self, module: nn.Module) -> Forward:
        plain = forward_of(module)

        def compute(*values: Any, **named: Any) -> Any:
            self._outputs[module] = plain(*values, **named)
            return self._outputs[module]

        return compute

    def _again(self, module: nn.Module) -> Forward:
        return lambda *values, **named: self._outputs[module]


def deep_modules(unet: Any) -> list[nn.Module]:
    """What lies below the first level, in the order it runs."""
    first, *deeper = unet.down_blocks
    middle = [] if unet.mid_block is None else [unet.mid_block]
    return [*(getattr(first, "downsamplers", None) or ()), *deeper, *middle, *unet.up_blocks[:-1]]
