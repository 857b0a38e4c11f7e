"""How much a training writes, and whether it fits where it is to be written."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig
from zeroconv.training.memory import OPTIMIZER_BYTES, num_bytes
from zeroconv.training.state import KEPT
from zeroconv.training.unlock import part_of


@dataclass(frozen=True)
class Writes:
    """Where how many bytes will be written."""

    what: str
    folder: Path
    num_bytes: int


def run_writes(out: Path, base: BaseModel, controlnet: ControlNet, config: TrainConfig) -> list[Writes]:
    """States and results of a run, at the moment when most of them are there."""
    trained = [*controlnet.parameters(), *part_of(base, config.unlock).values()]
    weights = sum(weight.numel() * weight.element_size() for weight in trained)
    parameters = sum(weight.numel() for weight in trained)
    state = weights * (2 if config.ema else 1) + round(parameters * OPTIMIZER_BYTES[config.optimizer])
    results = 4 if config.keep == "best" else 1  # the last, the best, one that it replaced, one being written
    bases = results * num_bytes(base.unet, base.vae, *base.text_encoders)
    return [
        Writes(f"{KEPT} states and one being written", out, (KEPT + 1) * state),
        Writes("ControlNets", out, results * num_bytes(controlnet)),
        *([] if config.unlock == "none" else [Writes("their bases", out, bases)]),
    ]


def check_disk(writes: list[Writes]) -> None:
    """Raises UserError where a disk has not the room for all that is to be written to it."""
    needed: dict[int, int] = {}
    for write in writes:
        place = _existing(write.folder)
        disk = place.stat().st_dev
        needed[disk] = needed.get(disk, 0) + write.num_bytes
        free = shutil.disk_usage(place).free
        if needed[disk] > free:
            raise UserError(
                f"the run would write {in_words(needed[disk])} to the disk of {write.folder}, where "
                f"{in_words(free)} are free; free some, or choose another --out or --cache"
            )


def in_words(count: float) -> str:
    """1234567 -> "1.2 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB" if count < 1000 else f"{count:,.0f} TB"


def _existing(folder: Path) -> Path:
    """The folder, or what of the way to it is there."""
    place = folder.expanduser().absolute()
    return next(above for above in (place, *place.parents) if above.exists())
