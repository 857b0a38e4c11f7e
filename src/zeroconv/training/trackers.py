"""Where a run is shown besides its folder: TensorBoard, and what else is asked for through accelerate's trackers.

TensorBoard's event files are written by default where its package is installed; the folder of the run holds the same
figures without it. Others (wandb, mlflow, comet_ml, aim ...) are asked for by name and need accelerate and their own
package.
"""

import importlib.util
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from zeroconv.errors import UserError, nearest

OFF = "none"
EXTRA = "pip install 'zeroconv[trackers]'"


class Tracker(Protocol):
    """Something that shows a run."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...
    def picture(self, step: int, name: str, picture: Image.Image) -> None: ...
    def text(self, step: int, text: str) -> None: ...
    def close(self) -> None: ...


class Trackers:
    """Any number of trackers as one. One that fails is left with a warning: the training and its folder go on."""

    def __init__(self, trackers: Sequence[Tracker] = ()) -> None:
        self.trackers = tuple(trackers)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name, after a step."""
        self._each(lambda tracker: tracker.scalars(step, values))

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """A picture made after a step."""
        self._each(lambda tracker: tracker.picture(step, name, picture))

    def text(self, step: int, text: str) -> None:
        """A message for people."""
        self._each(lambda tracker: tracker.text(step, text))

    def close(self) -> None:
        """Writes what is left."""
        self._each(lambda tracker: tracker.close())

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in self.trackers:
            try:
                call(tracker)
            except Exception as error:  # networks and full disks fail in many ways
                self.trackers = tuple(other for other in self.trackers if other is not tracker)
                name = type(tracker).__name__
                warnings.warn(f"the tracker {name} failed and is left: {error}", stacklevel=3)


class TensorBoard:
    """Event files in a folder; with `purge_step`, those of a run that goes on hide what was written after it."""

    def __init__(self, folder: Path, purge_step: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(folder), purge_step=purge_step)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One curve a name."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Under TensorBoard's images."""
        self.writer.add_image(name, np.asarray(picture.convert("RGB")), step, dataformats="HWC")

    def text(self, step: int, text: str) -> None:
        """Under TensorBoard's texts."""
        self.writer.add_text("messages", text, step)

    def close(self) -> None:
        """Flushes the file."""
        self.writer.close()


class ThroughAccelerate:
    """Any tracker that accelerate knows; a picture goes where it takes pictures."""

    def __init__(self, name: str, project: str, folder: Path, settings: Mapping[str, Any], *, is_cpu: bool) -> None:
        from accelerate import Accelerator

        self.accelerator: Any = Accelerator(log_with=name, project_dir=str(folder), cpu=is_cpu)
        plain = {
            key: value if isinstance(value, int | float | str) else json.dumps(value) for key, value in settings.items()
        }
        self.accelerator.init_trackers(project, config=plain)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """The numbers under their names."""
        self.accelerator.log(dict(values), step=step)

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """The picture under its name, as an array (1, H, W, 3)."""
        for tracker in self.accelerator.trackers:
            if hasattr(tracker, "log_images"):
                tracker.log_images({name: np.asarray(picture.convert("RGB"))[None]}, step=step)

    def text(self, step: int, text: str) -> None:
        """Messages stay in the run's folder: few trackers take any."""

    def close(self) -> None:
        """Ends the tracker's run."""
        self.accelerator.end_training()


def open_trackers(
    names: Sequence[str], folder: Path, *, resumed_at: int | None, settings: Mapping[str, Any], is_cpu: bool
) -> Trackers:
    """What was asked for; TensorBoard where nothing was and it is installed, a sentence where it is not."""
    if not names and not is_installed("tensorboard"):
        print(f"no TensorBoard files, as its package is not installed ({EXTRA}); `zeroconv train report` needs none")
        return Trackers()
    purge_step = None if resumed_at is None else resumed_at + 1
    return Trackers(
        [
            TensorBoard(folder / "tensorboard", purge_step)
            if name == "tensorboard"
            else ThroughAccelerate(name, folder.resolve().name, folder, settings, is_cpu=is_cpu)
            for name in (names or ["tensorboard"])
            if name != OFF
        ]
    )


def check_names(names: Sequence[str]) -> None:
    """Raises UserError where a tracker that was asked for is unknown or lacks a package."""
    for name in names:
        if name == OFF:
            continue
        if name == "tensorboard":
            _require("tensorboard", name)
            continue
        _require("accelerate", name)
        _check_accelerate_knows(name)
        _require(name, name)


def is_installed(package: str) -> bool:
    """Whether a package can be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # imported by other means than a file
        return True


def _check_accelerate_knows(name: str) -> None:
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    known = [OFF, *LOGGER_TYPE_TO_CLASS]
    if name not in known:
        raise UserError(f"unknown tracker {name!r}; {nearest(name, known)}")


def _require(package: str, tracker: str) -> None:
    if not is_installed(package):
        how = EXTRA if package in ("accelerate", "tensorboard") else f"pip install {package}"
        raise UserError(f"--tracker {tracker} needs the package {package}, which is not installed: {how}")
