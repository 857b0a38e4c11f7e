"""Other systems than ours drawing the bench's scenes.

B pictures; H W pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch

from zeroconv.comparisons.rival import Rival
from zeroconv.evaluation.held_out import Picture, groups, to_pictures
from zeroconv.evaluation.measured import Asked
from zeroconv.reproduce.bench import Bench, images


def drawn_by(
    rival: Rival, bench: Bench, prompts: Sequence[str], asked: Sequence[Asked], *, what: str
) -> tuple[Picture, ...]:
    """A picture for each prompt and condition image, from the same noise as those of ControlNets."""
    sampler, drawn = bench.drawing, list[Picture]()
    for numbers in bench.progress(groups(range(len(prompts)), sampler.batch), what):
        condition = np.stack(images([asked[k] for k in numbers]))
        values = torch.from_numpy(condition).permute(0, 3, 1, 2).to(bench.base.device, bench.base.dtype) / 255
        seeds = [sampler.seed + k for k in numbers]
        drawn += to_pictures(rival.draw([prompts[k] for k in numbers], values, seeds, sampler))
    return tuple(drawn)
