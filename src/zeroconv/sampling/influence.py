"""How much each control contributes at each layer, and where two of them pull apart.

Contribution is the norm of the residual over the norm of the skip it is added to, or, of a T2I-Adapter, of the feature
over what it is added to within the encoder; agreement is the cosine of two residuals or of two features, over a whole
layer or at one place of the picture: 1 the same, 0 nothing to do with each other, -1 opposed.
All are means over the pictures and over the steps in which the controls act, of the predictions that read the prompt.
Shapes: B pictures; n residuals, one per skip from shallow to deep, then the middle; m features of an adapter; H, W the
size of the largest.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zeroconv.control import Control
from zeroconv.sampling.timing import Moment

Pair = tuple[int, int]


@dataclass
class Influence:
    """Watches a sampling: give it to `guided_noise` as `watch` while `watching` the U-Net."""

    names: Sequence[str]
    """Of the controls, in their order."""
    is_guided: bool
    """Whether predictions come in two halves, of which the second reads the prompt."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """(height, width) of each residual."""
    feature_sizes: list[tuple[int, int]] = field(default_factory=list)
    """(height, width) of each feature of an adapter; none where no adapter acted."""
    _contributions: dict[int, list[Tensor]] = field(default_factory=dict)
    _cosines: dict[Pair, list[Tensor]] = field(default_factory=dict)
    _maps: dict[Pair, list[Tensor]] = field(default_factory=dict)
    _now: dict[int, Control] = field(default_factory=dict)
    _skips: list[Tensor] = field(default_factory=list)
    _inside: list[Tensor] = field(default_factory=list)
    _adapters: set[int] = field(default_factory=set)

    def __call__(self, index: int, control: Control, moment: Moment) -> None:
        """Control `index` as it is added in the prediction that follows."""
        self._now[index] = control
        if control.features:
            self._adapters.add(index)

    @contextmanager
    def watching(self, unet: Any) -> Iterator[None]:
        """Hooks on the U-Net's encoder that see the skips; gone afterwards."""
        with ExitStack() as hooks:
            hooks.callback(unet.conv_in.register_forward_hook(self._begin).remove)
            for block in unet.down_blocks:
                hooks.callback(block.register_forward_hook(self._extend).remove)
            last = unet.down_blocks[-1] if unet.mid_block is None else unet.mid_block
            hooks.callback(last.register_forward_hook(self._end).remove)
            yield

    def steps(self, index: int) -> int:
        """In how many predictions control `index` acted."""
        return len(self._contributions.get(index, ()))

    def contribution(self, index: int) -> list[float]:
        """|residual| / |skip| at each of the n layers, or of an adapter's m; zeros where the control never acted."""
        return _mean(self._contributions.get(index), len(self.feature_sizes if self.is_adapter(index) else self.sizes))

    def is_adapter(self, index: int) -> bool:
        """Whether control `index` was added within the encoder."""
        return index in self._adapters

    def pairs(self) -> list[Pair]:
        """Which controls acted together at the same layers."""
        return sorted(self._cosines)

    def agreement(self, pair: Pair) -> list[float]:
        """The cosine of both at each of the n layers, or of two adapters' m."""
        return _mean(self._cosines.get(pair), len(self.sizes))

    def agreement_map(self, pair: Pair) -> Tensor:
        """(H, W) the cosine at each place, over all layers: each counts by its residuals' size beside its skip's."""
        dot, norms = torch.stack(self._maps[pair]).sum(0)
        agreement: Tensor = dot / norms.clamp_min(1e-12)
        return agreement.cpu()

    def _begin(self, module: Any, inputs: Any, output: Tensor) -> None:
        self._skips, self._inside = [output], []

    def _extend(self, block: Any, inputs: Any, output: Any) -> None:
        self._skips.extend(output[1])
        feature = self._next_feature()
        if feature is None:
            return
        # diffusers adds it within a block that reads the text, before it halves, and behind one that does not
        is_within = getattr(block, "has_cross_attention", False)
        self._inside.append(output[1][len(block.resnets) - 1] - feature if is_within else output[0].clone())

    def _next_feature(self) -> Tensor | None:
        """What all adapters add together at the next place; None where none is left."""
        place = len(self._inside)
        features = [control.features[place] for control in self._now.values() if place < len(control.features)]
        return torch.stack(features).sum(0) if features else None

    def _end(self, module: Any, inputs: Any, output: Any) -> None:
        middle = output if isinstance(output, Tensor) else output[0]
        if self._next_feature() is not None:
            self._inside.append(middle)
        skips, inside = ([self._conditional(part) for part in to] for to in ([*self._skips, middle], self._inside))
        self.sizes, self.feature_sizes = _sizes(skips), _sizes(inside) or self.feature_sizes
        now, self._now = self._now, {}
        self._measure({index: control.residuals for index, control in now.items() if control.residuals}, skips)
        self._measure({index: control.features for index, control in now.items() if control.features}, inside)

    def _measure(self, controls: Mapping[int, Sequence[Tensor]], skips: list[Tensor]) -> None:
        """Each control beside what it is added to, and beside each other."""
        now = {index: [self._conditional(part) for part in parts] for index, parts in controls.items()}
        for index, parts in now.items():
            ratios = [(_norm(part) / _norm(skip)).mean() for part, skip in zip(parts, skips, strict=True)]
            self._contributions.setdefault(index, []).append(torch.stack(ratios))
        for pair in combinations(sorted(now), 2):
            self._compare(pair, now[pair[0]], now[pair[1]], skips)

    def _compare(self, pair: Pair, one: list[Tensor], other: list[Tensor], skips: list[Tensor]) -> None:
        cosines = [
            ((a * b).flatten(1).sum(1) / (_norm(a) * _norm(b)).clamp_min(1e-12)).mean()
            for a, b in zip(one, other, strict=True)
        ]
        self._cosines.setdefault(pair, []).append(torch.stack(cosines))
        places = []
        for a, b, skip in zip(one, other, skips, strict=True):
            weight = skip[0].numel() / _norm(skip).square().mean()
            dot = (a * b).sum(1).mean(0)
            norms = (torch.linalg.vector_norm(a, dim=1) * torch.linalg.vector_norm(b, dim=1)).mean(0)
            places.append(
                F.interpolate(torch.stack([dot, norms])[None] * weight / a.shape[1], size=skips[0].shape[-2:])[0]
            )
        self._maps.setdefault(pair, []).append(torch.stack(places).sum(0))

    def _conditional(self, rows: Tensor) -> Tensor:
        return (rows.chunk(2)[1] if self.is_guided else rows).detach().float()


def _norm(values: Tensor) -> Tensor:
    """(B, ...) -> (B,)."""
    norms: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms


def _sizes(parts: list[Tensor]) -> list[tuple[int, int]]:
    return [(part.shape[-2], part.shape[-1]) for part in parts]


def _mean(rows: list[Tensor] | None, count: int) -> list[float]:
    if not rows:
        return [0.0] * count
    mean: list[float] = torch.stack(rows).mean(0).tolist()
    return mean
