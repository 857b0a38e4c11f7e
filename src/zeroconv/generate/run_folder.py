"""The folder a run writes: its pictures, its condition images, the sheet and run.json; inputs are never overwritten."""

import datetime
import json
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from PIL import Image

from zeroconv import weights
from zeroconv.base import BaseModel
from zeroconv.base.single_file.prediction import PREDICTIONS
from zeroconv.errors import UserError
from zeroconv.generate.prepared import Prepared, PreparedControl
from zeroconv.images import atomic_write, read_image, read_metadata, save_png
from zeroconv.request import Request, record
from zeroconv.request.files import NameOf, file_sha256, portable_file, sha256
from zeroconv.sheet import sheet

_ON_THE_SHEET = 64
"""Pictures shown; of a thousand prompts a sheet of all would be of no use."""


class RunFolder:
    """Writes one run, picture by picture; made before anything heavy, so that a bad folder is told at once."""

    def __init__(self, folder: Path, request: Request, request_file: Path | None) -> None:
        """UserError where the run would overwrite a file that it, or the run already in the folder, reads."""
        self.folder = folder
        self.controls = tuple(folder / name for name in control_names([control.name for control in request.controls]))
        self.pictures = tuple(folder / f"{index:04d}.png" for index in range(len(request.seeds)))
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--out {folder} is a file; expected a folder")
        self._keep_inputs(request, request_file)
        self.is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        self.finished: set[int] = set()
        self.shown: list[tuple[str, Image.Image]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves no empty folder behind where nothing was made."""
        if self.is_new and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def begin(
        self,
        base: BaseModel,
        prepared: Prepared,
        *,
        device: str,
        dtype: str,
        tokenizer: str | None = None,
        file_hash: Callable[[object], str | None] = weights.file_hash,
        lora_hash: Callable[[object], str | None] = file_sha256,
        name_of: NameOf = portable_file,
    ) -> None:
        """Writes the condition images and settles what each picture's metadata says.

        file_hash, lora_hash: the sha256 of a control's weights and of a LoRA, by their names
        name_of: how the names of base, ControlNets and LoRAs are written
        """
        self.request = prepared.request
        self.shown += [("image", prepared.image)] if prepared.image else []
        self.shown += [("mask", prepared.mask)] if prepared.mask else []
        for path, control in zip(self.controls, prepared.controls, strict=True):
            save_png(control.condition, path)
            self.shown += _shown(control)
        about = {"name": base.name, "fingerprint": base.fingerprint(), "family": base.family}
        if base.prediction_type in PREDICTIONS:
            about["prediction"] = base.prediction_type
        if tokenizer is not None:
            about["tokenizer"] = tokenizer
        hashes = {str(c.request.checkpoint): file_hash(c.request.checkpoint) for c in prepared.controls}
        names = tuple(path.name for path in self.controls)
        self.record = record.run_record(
            self.request,
            self.folder,
            base=about,
            checkpoints=hashes,
            images=names,
            lora_hash=lora_hash,
            name_of=name_of,
        )
        self.record |= {"dtype": dtype, "device": device}
        self._copy_inputs(prepared)
        self._write_record({})

    def _copy_inputs(self, prepared: Prepared) -> None:
        """Leaves pictures and masks as the run reads them, so that it can be made again where they are not."""
        for name, picture in (("image", prepared.image), ("mask", prepared.mask)):
            if picture is not None:
                save_png(picture, self.folder / f"{name}.png")
                self.record[f"{name}_copy"] = f"{name}.png"
        for path, control, made in zip(self.controls, prepared.controls, self.record["controls"], strict=True):
            if control.mask is not None:
                made["mask_copy"] = path.name.replace("control-", "mask-")
                save_png(control.mask, self.folder / made["mask_copy"])

    def keep_finished(self) -> int:
        """Takes for done what an earlier run with the same request has left; how many pictures that are."""
        for index, path in enumerate(self.pictures):
            if path.is_file() and record.is_same_picture(read_metadata(path), self.record, index):
                self.finished.add(index)
        return len(self.finished)

    def left(self) -> list[int]:
        """Which pictures are still to be made."""
        return [index for index in range(len(self.pictures)) if index not in self.finished]

    def compare_checkpoints(self, before: tuple[str | None, ...]) -> None:
        """Warns where a run is made again with a ControlNet that has changed since."""
        for control, expected in zip(self.record["controls"], before, strict=False):
            if expected and control["checkpoint_sha256"] != expected:
                name = control["checkpoint"]
                warnings.warn(
                    f"{name} is not the ControlNet of the recorded run: the pictures will differ", stacklevel=2
                )

    def add(self, image: Image.Image) -> None:
        """Writes the next picture that is left, with its own request in it."""
        index = self.left()[0]
        save_png(image, self.pictures[index], record.picture_metadata(self.record, index))
        self.finished.add(index)

    def end(self, seconds: dict[str, float], made: int) -> None:
        """Writes the sheet and run.json of the pictures that are finished, `made` of them now."""
        if not self.finished:
            return
        shown = [(self._label(index), read_image(self.pictures[index])) for index in self._first()]
        save_png(sheet([*self.shown, *shown]), self.folder / "sheet.png")
        timings = {f"{name}_seconds": round(value, 3) for name, value in seconds.items()}
        timings["seconds_per_picture"] = round(seconds["sample"] / max(1, made), 3)
        self._write_record({"timings": timings})

    def _label(self, index: int) -> str:
        """The seed of a picture, and its own strengths where pictures differ by them."""
        several = [control.strength for control in self.request.controls if isinstance(control.strength, tuple)]
        return ", ".join([f"seed {self.request.seeds[index]}", *(f"strength {each[index]:g}" for each in several)])

    def _first(self) -> list[int]:
        return sorted(self.finished)[:_ON_THE_SHEET]

    def _write_record(self, more: dict[str, Any]) -> None:
        """run.json as of now; written before the first picture too, so that a run that is killed can go on."""
        outputs = [
            {"file": path.name, "seed": self.request.seeds[index], "sha256": sha256(path)}
            for index, path in enumerate(self.pictures)
            if index in self.finished
        ]
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        complete = {**self.record, **more, "created": now, "outputs": outputs}
        with atomic_write(self.folder / "run.json") as part:
            part.write_text(json.dumps(complete, indent=2) + "\n", "utf-8")

    def made(self) -> list[Path]:
        """What to look at, the sheet last."""
        finished = [self.pictures[index] for index in sorted(self.finished)]
        return [*self.controls, *finished, self.folder / "sheet.png"]

    def _keep_inputs(self, request: Request, request_file: Path | None) -> None:
        """UserError where an output is an input of this run or of the run whose record lies in the folder."""
        masks = [path.with_name(path.name.replace("control-", "mask-")) for path in self.controls]
        others = [self.folder / name for name in ("sheet.png", "image.png", "mask.png", "report.png")]
        written = {path.resolve() for path in (*self.controls, *self.pictures, *masks, *others)}
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


def control_names(conditions: Sequence[str]) -> list[str]:
    """The condition images' files: control-canny.png, control-depth.png, control-canny-2.png, ..."""
    seen: Counter[str] = Counter()
    names = []
    for name in conditions:
        seen[name] += 1
        names.append(f"control-{name}{'' if seen[name] == 1 else f'-{seen[name]}'}.png")
    return names


def _shown(control: PreparedControl) -> list[tuple[str, Image.Image]]:
    condition = (f"condition: {control.request.name}", control.condition)
    return [condition] if control.picture is control.condition else [("input", control.picture), condition]
