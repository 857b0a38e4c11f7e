"""The folder a run writes: its pictures, its condition images, the sheet and run.json; inputs are never overwritten."""

import datetime
import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Self

from PIL import Image

from zeroconv import record, weights
from zeroconv.base import BaseModel
from zeroconv.control_request import ControlRequest
from zeroconv.errors import UserError
from zeroconv.images import atomic_write, save_png
from zeroconv.prepare import Prepared, PreparedControl
from zeroconv.recorded import sha256
from zeroconv.request import Request
from zeroconv.sheet import sheet


class RunFolder:
    """Writes one run, picture by picture; made before anything heavy, so that a bad folder is told at once."""

    def __init__(self, folder: Path, request: Request, request_file: Path | None) -> None:
        """UserError where the run would overwrite a file that it, or the run already in the folder, reads."""
        self.folder = folder
        self.controls = tuple(folder / name for name in _control_names(request.controls))
        self.pictures = tuple(folder / f"{index:04d}.png" for index in range(len(request.seeds)))
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--out {folder} is a file; expected a folder")
        self._keep_inputs(request, request_file)
        self.is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        self.outputs: list[dict[str, Any]] = []
        self.shown: list[tuple[str, Image.Image]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves no empty folder behind where nothing was made."""
        if self.is_new and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def begin(self, base: BaseModel, prepared: Prepared, *, device: str, dtype: str) -> None:
        """Writes the condition images and settles what each picture's metadata says."""
        self.request = prepared.request
        self.shown += [("image", prepared.image)] if prepared.image else []
        self.shown += [("mask", prepared.mask)] if prepared.mask else []
        for path, control in zip(self.controls, prepared.controls, strict=True):
            save_png(control.condition, path)
            self.shown += _shown(control)
        about = {"name": base.name, "fingerprint": base.fingerprint(), "family": base.family}
        hashes = {str(c.request.checkpoint): weights.file_hash(c.request.checkpoint) for c in prepared.controls}
        names = tuple(path.name for path in self.controls)
        self.record = record.run_record(self.request, self.folder, base=about, checkpoints=hashes, images=names)
        self.record |= {"dtype": dtype, "device": device}

    def compare_checkpoints(self, before: tuple[str | None, ...]) -> None:
        """Warns where a run is made again with a ControlNet that has changed since."""
        for control, expected in zip(self.record["controls"], before, strict=False):
            if expected and control["checkpoint_sha256"] != expected:
                name = control["checkpoint"]
                warnings.warn(
                    f"{name} is not the ControlNet of the recorded run: the pictures will differ", stacklevel=2
                )

    def add(self, image: Image.Image) -> None:
        """Writes the next picture with its own request in it."""
        path, seed = self.pictures[len(self.outputs)], self.request.seeds[len(self.outputs)]
        save_png(image, path, record.picture_metadata(self.record, len(self.outputs)))
        self.outputs.append({"file": path.name, "seed": seed, "sha256": sha256(path)})
        self.shown.append((f"seed {seed}", image))

    def end(self, seconds: dict[str, float]) -> None:
        """Writes the sheet and run.json of the pictures that were finished."""
        if not self.outputs:
            return
        save_png(sheet(self.shown), self.folder / "sheet.png")
        timings = {f"{name}_seconds": round(value, 3) for name, value in seconds.items()}
        timings["seconds_per_picture"] = round(seconds["sample"] / len(self.outputs), 3)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        complete = {**self.record, "timings": timings, "created": now, "outputs": self.outputs}
        with atomic_write(self.folder / "run.json") as part:
            part.write_text(json.dumps(complete, indent=2) + "\n", "utf-8")

    def made(self) -> list[Path]:
        """What to look at, the sheet last."""
        return [*self.controls, *self.pictures[: len(self.outputs)], self.folder / "sheet.png"]

    def _keep_inputs(self, request: Request, request_file: Path | None) -> None:
        """UserError where an output is an input of this run or of the run whose record lies in the folder."""
        written = {path.resolve() for path in (*self.controls, *self.pictures, self.folder / "sheet.png")}
        own = [Path(picture) for picture in request.pictures() if isinstance(picture, str | Path)]
        own += [request_file] if request_file else []
        for path in own:
            if path.resolve() in written:
                raise UserError(f"{path} is an input of this run and would be overwritten; choose another --out")
        for path in _recorded_inputs(self.folder):
            if path.resolve() in written and path.resolve() not in {mine.resolve() for mine in own}:
                raise UserError(f"{path} is an input of the run recorded in {self.folder}; choose another --out")


def _recorded_inputs(folder: Path) -> list[Path]:
    """The input files of the run whose run.json lies in the folder; none if it cannot be read."""
    try:
        before = json.loads((folder / "run.json").read_text("utf-8"))
        inputs = [control.get(name) for control in (before, *before["controls"]) for name in ("image", "mask")]
        return [folder / name for name in inputs if name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _control_names(controls: tuple[ControlRequest, ...]) -> list[str]:
    """control-canny.png, control-depth.png, control-canny-2.png, ..."""
    seen: Counter[str] = Counter()
    names = []
    for control in controls:
        seen[control.name] += 1
        names.append(f"control-{control.name}{'' if seen[control.name] == 1 else f'-{seen[control.name]}'}.png")
    return names


def _shown(control: PreparedControl) -> list[tuple[str, Image.Image]]:
    condition = (f"condition: {control.request.name}", control.condition)
    return [condition] if control.picture is control.condition else [("input", control.picture), condition]
