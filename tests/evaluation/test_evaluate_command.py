"""`zeroconv evaluate`: what it prints and writes, and what it refuses."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.evaluation import controls
from zeroconv.evaluation.command import add_arguments, run
from zeroconv.perception import PerceptionNetwork, save_perception
from zeroconv.weights import Sidecar, read_sidecar
from zeroconv.weights.sidecar import FILE, write_sidecar


@pytest.fixture
def evaluate(small_base: BaseModel, small_controlnet: ControlNet, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command on the small random networks, called with its words."""
    asked: list[Any] = []

    def load(source: Any, base: BaseModel) -> Any:
        asked.append(source)
        condition = source.removeprefix("of-") if source.startswith("of-") else "canny"
        return small_controlnet, Sidecar(condition=condition, base_fingerprint="abc", training={"steps": 7})

    monkeypatch.setattr("zeroconv.base.flags.load_base", lambda *_, **__: small_base)
    monkeypatch.setattr("zeroconv.weights.load_with_sidecar", load)
    monkeypatch.setattr("zeroconv.evaluation.controls.load_with_sidecar", load)

    def call(*words: str) -> int:
        parser = ArgumentParser()
        add_arguments(parser)
        return run(parser.parse_args(list(words)))

    return call


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """A folder with a perception network that has learnt nothing."""
    torch.manual_seed(0)
    save_perception(PerceptionNetwork((4, 8, 8, 8)), tmp_path / "judge")
    return tmp_path / "judge"


FEW = ("--count", "3", "--steps", "1")


def test_control_prints_the_table_and_writes_its_files(
    evaluate: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--condition", "Canny", "--checkpoint", "mine", "--guidance", "1.5", "--out", str(tmp_path / "a"))
    assert evaluate("control", *words, *FEW) == 0
    printed = capsys.readouterr().out
    assert "no control" in printed
    assert "ceiling" in printed
    found = json.loads((tmp_path / "a" / "control.json").read_text())
    assert found["protocol_hash"] in printed
    assert f"{found['subject']['base_weights'][:16]} before, untouched after" in printed
    assert found["subject"]["checkpoint"] == "mine"
    assert found["subject"]["base_fingerprint_at_training"] == "abc"
    assert found["subject"]["training"] == {"steps": 7}
    assert found["protocol"]["sampler"]["guidance"] == 1.5
    assert found["protocol"]["scenes"] == {
        "seed": 2000000,
        "count": 3,
        **{"captions": found["protocol"]["scenes"]["captions"]},
    }
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["control.csv", "control.json", "control.png"]


@pytest.mark.parametrize("words", [("control", "--checkpoint", "{}"), ("controls", "--checkpoint", "canny={}")])
def test_with_card_the_controlnet_is_told(
    evaluate: Any, training_record: dict[str, Any], tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_sidecar(Sidecar(condition="canny", base="small", training=training_record), folder / FILE)
    only = ("--conditions", "canny") if words[0] == "controls" else ()
    asked = [word.format(folder) for word in (*words, *only)]
    assert evaluate(*asked, "--card", "--judge", "none", "--out", str(tmp_path / "a"), *FEW) == 0
    found = read_sidecar(folder).fidelity
    assert found["metric"].startswith("edge F1, ") and found["scenes"] == 3
    assert found["protocol_hash"] in (folder / "README.md").read_text()
    with pytest.raises(UserError, match="that zeroconv trained"):
        evaluate("control", "--checkpoint", "mine", "--card", "--out", str(tmp_path / "b"), *FEW)
    assert not (tmp_path / "b").exists()


def test_base_prints_the_table_and_writes_its_files(
    evaluate: Any, judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--judge", str(judge), "--compared", "2", "--count", "12", "--steps", "1")
    assert evaluate("base", "--out", str(tmp_path), *words) == 0
    printed = capsys.readouterr().out
    for row in ("autoencoder PSNR", "kind right: sphere", "order right, true", "Frechet distance, true"):
        assert row in printed
    assert sorted(path.name for path in tmp_path.glob("base.*")) == ["base.csv", "base.json", "base.png"]
    assert len((tmp_path / "base.csv").read_text().splitlines()) == 1 + 4 * 12 + 2


def test_segmentation_is_read_by_the_judge(
    evaluate: Any, judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--condition", "seg", "--checkpoint", "of-segmentation", "--judge", str(judge), "--out", str(tmp_path))
    assert evaluate("control", *words, *FEW) == 0
    assert "mIoU" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "control.json").read_text())["protocol"]["judge"]) == 16


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--condition", "cany"), "canny"),
        (("--condition", "shuffle"), "is not measured"),
        (("--steps", "0"), "steps from 1"),
        (("--steps", "two"), "whole number"),
        (("--batch", "0"), "batch of 1"),
        (("--count", "1"), "at least 2"),
        (("--scenes-seed", "7"), "trained on"),
        (("--scheduler", "dimm"), "ddim"),
        (("--checkpoint", "of-depth"), "trained on 'depth'"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_no_files(
    evaluate: Any, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    given = ("--checkpoint", "mine", "--out", str(tmp_path / "a"), *FEW, *words)
    with pytest.raises(UserError, match=message):
        evaluate("control", *given)
    assert not (tmp_path / "a").exists()


def test_a_file_in_the_place_of_the_folder_is_said_before_the_work(evaluate: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UserError, match="--out must be a folder"):
        evaluate("control", "--checkpoint", "mine", "--out", str(tmp_path / "taken"), *FEW)
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_base_has_no_strength(evaluate: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluate("base", "--strength", "2")
    assert "--strength" in capsys.readouterr().err


def test_controls_prints_a_row_a_condition_and_takes_over_what_is_done(
    evaluate: Any, judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = ("controls", "--checkpoint", "canny=of-canny", "--judge", str(judge), "--out", str(tmp_path), *FEW)
    words = (*alone, "--checkpoint", "seg=of-segmentation")
    assert evaluate(*alone) == 0
    first = json.loads((tmp_path / "canny" / "control.json").read_text())
    capsys.readouterr()
    assert evaluate(*words) == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line for line in printed.splitlines() if line.startswith("  ")}
    assert rows.keys() == {"condition", "canny", "segmentation"}
    assert f"{first['measures']['ceiling']['mean']:.3f}" in rows["canny"]
    assert json.loads((tmp_path / "canny" / "control.json").read_text())["finished"] == first["finished"]
    assert [line.split(",")[0] for line in (tmp_path / "controls.csv").read_text().splitlines()] == [
        "condition",
        "canny",
        "segmentation",
    ]
    assert evaluate(*alone, "--steps", "2", "--conditions", "canny") == 0  # another protocol: measured anew
    assert json.loads((tmp_path / "canny" / "control.json").read_text())["protocol_hash"] != first["protocol_hash"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--conditions", "cany"), "canny"),
        (("--checkpoint", "canny"), "NAME=SOURCE"),
        (("--checkpoint", "canny=of-depth"), "trained on 'depth'"),
        (("--conditions", "depth", "--checkpoint", "canny=mine"), "not among"),
        ((), "no ControlNets are built in"),
    ],
)
def test_mistakes_of_controls_get_one_sentence(
    evaluate: Any, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        evaluate("controls", "--out", str(tmp_path / "a"), *FEW, *words)
    assert not (tmp_path / "a").exists()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four pictures of another square each, three of them with a caption."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(4):
        picture = np.zeros((32, 48, 3), np.uint8)
        picture[8 : 20 + k, 16:32] = 50 * (k + 1)
        Image.fromarray(picture).save(folder / f"{k}.png")
        if k:
            (folder / f"{k}.txt").write_text(f"a square {k}")
    return folder


@pytest.mark.filterwarnings("ignore:1 of 2 photographs")
def test_photographs_are_measured_by_the_condition_as_it_is_asked_for(
    evaluate: Any, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--data", str(photos), "--checkpoint", "of-hed", "--out", str(tmp_path / "a"), "--steps", "1")
    judged = ("--condition", "softedge,sigma=2", "--measured-by", "hed,sigma=3")
    with pytest.warns(UserWarning, match="1 of 4 photographs have no caption"):
        assert evaluate("control", *words, *judged) == 0
    assert "hed F1" in capsys.readouterr().out
    found = json.loads((tmp_path / "a" / "control.json").read_text())["protocol"]
    assert found["photographs"]["count"] == 4 and "scenes" not in found and found["judge"] is None
    assert found["extractor"]["sigma"] == 3
    with pytest.warns(UserWarning, match="--judge has no effect with --data"):
        assert evaluate("control", *words, "--condition", "hed", "--count", "2", "--judge", "none") == 0
    other = json.loads((tmp_path / "a" / "control.json").read_text())["protocol"]
    assert (
        other["extractor"]["sigma"] == 1.2 and other["photographs"]["conditions"] != found["photographs"]["conditions"]
    )


@pytest.mark.filterwarnings("ignore:1 of 4 photographs")
def test_controls_on_photographs_share_what_needs_none_and_go_on(
    evaluate: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baselines: list[int] = []
    drawn = controls.draw_baseline
    monkeypatch.setattr(controls, "draw_baseline", lambda *args, **more: baselines.append(1) or drawn(*args, **more))
    words = ("--data", str(photos), "--checkpoint", "canny=of-canny", "--checkpoint", "hed=of-hed", "--steps", "1")
    names = ("--conditions", "canny,hed", "--out", str(tmp_path / "a"))
    assert evaluate("controls", *words, *names) == 0 and len(baselines) == 1
    first = {name: (tmp_path / "a" / name / "control.json").read_text() for name in ("canny", "hed")}
    assert evaluate("controls", *words, *names) == 0 and len(baselines) == 1
    assert first == {name: (tmp_path / "a" / name / "control.json").read_text() for name in first}
    names = ("--conditions", "canny", "--conditions", "hed,sigma=3", "--out", str(tmp_path / "a"))
    assert evaluate("controls", *words, *names) == 0 and len(baselines) == 2
    assert first["canny"] == (tmp_path / "a" / "canny" / "control.json").read_text()
    assert first["hed"] != (tmp_path / "a" / "hed" / "control.json").read_text()


def test_a_card_says_that_it_was_on_photographs(
    evaluate: Any, training_record: dict[str, Any], photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_sidecar(Sidecar(condition="canny", base="small", training=training_record), folder / FILE)
    with pytest.warns(UserWarning, match="have no caption"):
        evaluate(
            "control", "--checkpoint", str(folder), "--data", str(photos), "--card", "--out", str(tmp_path / "a"), *FEW
        )
    assert read_sidecar(folder).fidelity["photographs"] == 3
    assert "On 3 held-out photographs" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--data", "{}", "--condition", "canny,low=50,hihg=1"), "high"),
        (("--data", "{}", "--condition", "canny,hed"), "names one"),
        (("--data", "{}", "--measured-by", "depth,method=scenes"), "names depth, which is not among canny"),
        (("--data", "{}/none"), "which is no folder"),
        (("--data", "scenes:20"), "--data names photographs"),
        (("--data", "{}", "--count", "1"), "at least 2 photographs"),
        (("--data", "{}", "--condition", "tile", "--checkpoint", "of-tile"), "is not measured"),
        (("--data", "{}", "--condition", "depth,weights=/nowhere", "--checkpoint", "of-depth"), "no network at"),
        (("--condition", "canny,low=50"), "are for photographs, --data"),
        (("--measured-by", "canny,low=50"), "are for photographs, --data"),
    ],
)
def test_mistakes_about_photographs_get_one_sentence(
    evaluate: Any, photos: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        evaluate("control", *("--checkpoint", "mine", *FEW, *(word.format(photos) for word in words)))
