"""Pictures along the way: what the ControlNet makes of held-out conditions, always from the same noise.

B examples; C latent channels; h w latent height and width; N condition channels; H W pixels.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.data.cache import Encoded
from zeroconv.images import read_image
from zeroconv.sampling import ControlInput, guided_noise, sample
from zeroconv.sheet import sheet

GUIDANCE = 4.0
STEPS = 20
COLUMNS = 12
"""Steps side by side on the growing sheet."""


@torch.no_grad()
def preview_sheet(
    base: BaseModel, controlnet: ControlNet, examples: Sequence[Encoded], steps: int = STEPS
) -> Image.Image:
    """One row an example: its condition, its picture, drawn with its caption, drawn with the empty prompt."""
    was_training = controlnet.training
    controlnet.eval()
    latents = torch.stack([example.latent for example in examples]).to(base.device, base.dtype)
    conditions = torch.stack([example.condition_values() for example in examples]).to(base.device, base.dtype)
    shown = torch.stack([example.condition for example in examples]).to(base.device, base.dtype) / 127.5 - 1
    columns = [
        shown[:, :3].expand(-1, 3, -1, -1),
        base.decode(latents),
        _draw(base, controlnet, conditions, [example.caption for example in examples], latents.shape, steps),
        _draw(base, controlnet, conditions, [""] * len(examples), latents.shape, steps),
    ]
    controlnet.train(was_training)
    return _grid([column.float().cpu() for column in columns])


def growing_sheet(singles: Path, until: int, only: Collection[int] = ()) -> Image.Image | None:
    """All single sheets of a folder up to step `until` as one: a row an example, its condition, then a column a step.

    It is made anew from the files, so that a run that goes on has the columns of before. Of more than COLUMNS steps
    evenly chosen ones are shown, the first and the last among them. None where there are no single sheets.

    only  the steps that are shown, where any are named
    """
    files = {int(file.stem): file for file in sorted(singles.glob("*.png")) if file.stem.isdigit()}
    steps = [step for step in files if step <= until and (step in only or not only)]
    if not steps:
        return None
    count = min(COLUMNS, len(steps))
    chosen = sorted({steps[round(position * (len(steps) - 1) / max(1, count - 1))] for position in range(count)})
    sheets = [read_image(files[step]) for step in chosen]
    cells = []
    for row in range(sheets[-1].height // _side(sheets[-1])):
        cells.append(("condition", _cell(sheets[-1], row, 0)))
        cells += [(f"step {step}", _cell(single, row, 2)) for step, single in zip(chosen, sheets, strict=True)]
    return sheet(cells, columns=1 + len(chosen))


def _side(single: Image.Image) -> int:
    """The side of one picture of a single sheet, which has four columns of squares."""
    return single.width // 4


def _cell(single: Image.Image, row: int, column: int) -> Image.Image:
    side = _side(single)
    return single.crop((column * side, row * side, (column + 1) * side, (row + 1) * side))


def _draw(
    base: BaseModel,
    controlnet: ControlNet,
    conditions: Tensor,
    prompts: Sequence[str],
    shape: torch.Size,
    steps: int,
) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], picture k from the noise of seed k."""
    noise = torch.stack([torch.randn(shape[1:], generator=torch.Generator().manual_seed(k)) for k in range(shape[0])])
    inputs = [ControlInput(controlnet, conditions)]
    negative = base.encode_negative([""] * len(prompts))
    predict_noise = guided_noise(base, inputs, base.encode_text(prompts), negative, GUIDANCE)
    *_, latents = sample(predict_noise, base.scheduler, noise.to(base.device, base.dtype), steps)
    return base.decode(latents)


def _grid(columns: Sequence[Tensor]) -> Image.Image:
    """Columns of B pictures (B, 3, H, W) in [-1, 1] -> one picture of B rows."""
    rows = torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2)
    levels = ((rows.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.permute(1, 2, 0).numpy()))
