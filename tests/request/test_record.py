"""run.json: written and read again it is the same request, wherever the folder lies; wrong files are one sentence."""

import json
import shutil
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.images import save_png
from zeroconv.request import Request, record
from zeroconv.request import files as recorded
from zeroconv.request.control import ControlRequest
from zeroconv.request.files import sha256
from zeroconv.request.lora import Lora


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    (tmp_path / "inputs").mkdir()
    Image.fromarray(noise).save(tmp_path / "inputs" / "photo.png")
    return tmp_path / "inputs" / "photo.png"


@pytest.fixture
def run(tmp_path: Path, photo: Path) -> tuple[Request, Path]:
    """A complete request and the run folder that holds its record."""
    settings = {"window": "noise", "schedule": (1.0, 0.2), "weights": "paper", "conditional_only": True}
    extra = {"mask": photo, "feather": 3.0, "checkpoint": "tiny-canny", "options": {"low": 50, "high": 120}}
    control = ControlRequest("canny", photo, (0.8, 0.4), 0.1, 0.9, **settings, **extra)
    asked = Request("a “house”", (control,), "blur", 12, 5.5, (3, 9), (64, 128), "ddim", "pad")
    folder = tmp_path / "out"
    folder.mkdir()
    base = {"name": "tiny", "fingerprint": "abc", "family": "tiny"}
    made = record.run_record(asked, folder, base=base, checkpoints={"tiny-canny": "123"}, images=("control-canny.png",))
    (folder / "run.json").write_text(json.dumps(made), "utf-8")
    return asked, folder


def settings(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in vars(request) if name != "controls"}


def test_written_and_read_it_is_the_same(run: tuple[Request, Path]) -> None:
    asked, folder = run
    again = record.read(folder / "run.json")
    assert settings(again.request) == settings(asked)
    control, before = again.request.controls[0], asked.controls[0]
    assert Path(str(control.image)).samefile(str(before.image))
    assert Path(str(control.mask)).samefile(str(before.mask))
    for name in {field.name for field in fields(ControlRequest)} - {"image", "mask", "options"}:
        assert getattr(control, name) == getattr(before, name)
    assert dict(control.options) == {"low": 50, "high": 120}
    assert (again.base, again.fingerprint, again.checkpoint_hashes) == ("tiny", "abc", ("123",))


def test_paths_are_relative_and_move_with_the_run(run: tuple[Request, Path], tmp_path: Path) -> None:
    _, folder = run
    assert json.loads((folder / "run.json").read_text())["controls"][0]["image"] == "../inputs/photo.png"
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("out", "inputs"):
        shutil.move(tmp_path / name, moved / name)
    assert Path(str(record.read(moved / "out" / "run.json").request.controls[0].image)).is_file()


def test_a_builtin_name_is_never_taken_for_a_folder(
    run: tuple[Request, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, folder = run
    for place in (tmp_path, folder):
        (place / "tiny").mkdir()
        (place / "tiny-canny").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recorded, "BUILT_IN_NAMES", ("tiny", "tiny-canny"))
    base = {"name": "tiny", "fingerprint": "abc", "family": "tiny"}
    made = record.run_record(asked, folder, base=base, checkpoints={}, images=("c.png",))
    assert (made["base"]["name"], made["controls"][0]["checkpoint"]) == ("tiny", "tiny-canny")
    again = record.from_json(made, folder, of="it")
    assert (again.base, again.request.controls[0].checkpoint) == ("tiny", "tiny-canny")


def test_folders_of_ones_own_are_found_again(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mybase", "net", "out"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    asked = Request("", (ControlRequest("canny", photo, checkpoint="net"),), size=(64, 64))
    base = {"name": "mybase", "fingerprint": "", "family": "unknown"}
    made = record.run_record(asked, Path("out"), base=base, checkpoints={}, images=("c.png",))
    monkeypatch.chdir("/")
    again = record.from_json(made, tmp_path / "out", of="it")
    assert Path(str(again.base)).samefile(tmp_path / "mybase")
    assert Path(str(again.request.controls[0].checkpoint)).samefile(tmp_path / "net")


def test_hashes_and_versions(run: tuple[Request, Path], photo: Path) -> None:
    made = json.loads((run[1] / "run.json").read_text())
    assert made["schema"] == 1
    assert made["controls"][0]["image_sha256"] == sha256(photo)
    assert made["controls"][0]["checkpoint_sha256"] == "123"
    assert {"python", "zeroconv", "torch", "diffusers"} <= made["versions"].keys()


def test_a_changed_input_warns(run: tuple[Request, Path], photo: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record.read(run[1] / "run.json")
    photo.write_bytes(photo.read_bytes() + b" ")
    with pytest.warns(UserWarning, match="photo.png is not the file it was"):
        record.read(run[1] / "run.json")


def test_a_run_goes_to_a_machine_without_its_inputs(tmp_path: Path, photo: Path) -> None:
    control = ControlRequest("canny", photo, mask=photo, feather=3.0, options={"low": 50})
    asked, folder = Request("", (control,), size=(8, 8), image=photo), tmp_path / "out"
    folder.mkdir()
    base = {"name": "tiny", "fingerprint": "", "family": "tiny"}
    made = record.run_record(asked, folder, base=base, checkpoints={}, images=("control-canny.png",))
    made |= {"image_copy": "image.png"}
    made["controls"][0]["mask_copy"] = "mask-canny.png"
    for name in ("control-canny.png", "mask-canny.png", "image.png"):
        Image.new("RGB", (8, 8), "white").save(folder / name)
    (folder / "run.json").write_text(json.dumps(made), "utf-8")
    photo.unlink()
    with pytest.warns(UserWarning, match="photo.png is not there; .*, which the run made of it, is used") as caught:
        again = record.read(folder / "run.json").request
    assert len(caught) == 3
    assert (again.controls[0].ready, again.controls[0].feather, dict(again.controls[0].options)) == (True, 0.0, {})
    for picture, name in zip(again.pictures(), ("image.png", "control-canny.png", "mask-canny.png"), strict=True):
        assert Path(str(picture)) == folder / name


def test_prompts_pictures_and_loras_of_a_run(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"weights")
    editing: dict[str, Any] = {"image": photo, "mask": photo, "denoise": 0.5, "prompt_mode": "long", "speed": "fast"}
    editing |= {"paste": False, "feather": 2.0}
    loras = (Lora(tmp_path / "a.safetensors", 0.5),)
    asked = Request(("a", "b"), (), ("", "c"), seeds=(1, 1), size=(8, 8), loras=loras, **editing)
    base = {"name": "tiny", "fingerprint": "", "family": "tiny"}
    made = record.run_record(asked, tmp_path, base=base, checkpoints={}, images=())
    again = record.from_json(json.loads(json.dumps(made)), tmp_path, of="it").request
    assert {**settings(again), "image": 0, "mask": 0, "loras": 0} == {
        **settings(asked),
        "image": 0,
        "mask": 0,
        "loras": 0,
    }
    assert Path(str(again.image)).samefile(photo) and Path(str(again.mask)).samefile(photo)
    assert Path(again.loras[0].file).samefile(loras[0].file) and again.loras[0].strength == 0.5
    alone = record.alone_record(made, 1)
    assert (alone["prompt"], alone["negative"], alone["seeds"]) == ("b", "c", [1])


def test_a_picture_holds_the_request_for_it_alone(run: tuple[Request, Path]) -> None:
    asked, folder = run
    made = json.loads((folder / "run.json").read_text("utf-8"))
    save_png(Image.new("RGB", (2, 2)), folder / "0001.png", record.picture_metadata(made, 1))
    again = record.read(folder / "0001.png")
    assert settings(again.request) == {**settings(asked), "seeds": (9,)}
    assert again.request.controls[0].strength == 0.4, "the second of the two pictures"


def test_readable_parameters(run: tuple[Request, Path]) -> None:
    made = json.loads((run[1] / "run.json").read_text("utf-8"))
    prompt, negative, line = record.picture_metadata(made, 1)["parameters"].split("\n")
    assert (prompt, negative) == ("a “house”", "Negative prompt: blur")
    for part in ("Steps: 12", "Sampler: ddim", "CFG scale: 5.5", "Seed: 9", "Size: 64x128", "Model: tiny", "canny"):
        assert part in line


def test_a_request_a_person_wrote(tmp_path: Path, photo: Path) -> None:
    written = {
        "schema": 1,
        "base": "tiny",
        "prompt": "a tree",
        "controls": [{"condition": "canny", "image": "inputs/photo.png", "options": {"low": 20}}],
    }
    (tmp_path / "mine.json").write_text(json.dumps(written))
    asked = record.read(tmp_path / "mine.json")
    assert asked.base == "tiny"
    assert (asked.request.prompt, asked.request.steps, asked.request.guidance) == ("a tree", 20, None)
    assert Path(str(asked.request.controls[0].image)).samefile(photo)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema": 2, "prompt": "a"}', 'has schema 2; this version of zeroconv reads "schema": 1'),
        ('{"prompt": "a"}', "has no schema number"),
        ('{"schema": 1}', "has no prompt"),
        ('{"schema": 1, "promt": "a"}', "unknown field 'promt'; did you mean 'prompt'"),
        ('{"schema": 1, "prompt": "a", "steps": "many"}', "steps must be a whole number"),
        ('{"schema": 1, "prompt": "a", "size": "64x64"}', "size must be a width and a height"),
        ('{"schema": 1, "prompt": "a", "base": 3}', "expected a name or a path, got 3"),
        ('{"schema": 1, "prompt": "a", "dtype": 3}', "expected a name or a path, got 3"),
        ('{"schema": 1, "prompt": "a", "scheduler": "dimm"}', "did you mean 'ddim'"),
        ('{"schema": 1, "prompt": "a", "controls": {}}', "controls must be a list"),
        ('{"schema": 1, "prompt": "a", "controls": [3]}', "controls must be a list of objects"),
        ('{"schema": 1, "prompt": "a", "controls": [{}]}', "a control needs a condition and an image"),
        ('{"schema": 1, "prompt": "a", "controls": [{"condition": "cany", "image": "a"}]}', "did you mean 'canny'"),
        ('{"schema": 1, "prompt": "a", "controls": [{"strenght": 1}]}', "did you mean 'strength'"),
        ('{"schema": 1, "prompt": "a", "controls": [{"condition": "canny", "image": "a", "options": 3}]}', "object"),
        ("[1]", "expected a JSON object"),
        ("{", "is not valid JSON"),
    ],
)
def test_wrong_files_are_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "wrong.json").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        record.read(tmp_path / "wrong.json")
    assert "wrong.json" in str(caught.value) and "\n" not in str(caught.value)


def test_other_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no request file"):
        record.read(tmp_path / "nothing.json")
    Image.new("RGB", (2, 2)).save(tmp_path / "plain.png")
    with pytest.raises(UserError, match="holds no request"):
        record.read(tmp_path / "plain.png")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="not a text file"):
        record.read(tmp_path / "binary.json")
