"""Pictures in groups: the same images, journals and files as one by one, and a bad picture spoils no other."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import published_annotators as published
from zeroconv import conditions
from zeroconv.cli.entry import main
from zeroconv.conditions import SoftEdge, device, weight_files
from zeroconv.conditions.networks import hed
from zeroconv.dataset import Annotation, Plan, annotate_folder, build
from zeroconv.dataset.example import ON_ACCELERATORS, usual_batch_size
from zeroconv.images import read_image

SIZES = ((41, 75), (64, 64), (41, 75), (33, 70), (64, 64), (41, 75))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six pictures of three sizes, the third of seven files cut short."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, size in enumerate(SIZES):
        noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    (folder / "1-cut.png").write_bytes((folder / "1.png").read_bytes()[:60])
    return folder


@pytest.fixture
def soft_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of soft edges by a random network that sees pictures small."""
    monkeypatch.setattr(SoftEdge, "native_resolution", 64)
    weights = published.write(tmp_path, "ControlNetHED.pth", published.hed)
    return {"method": "network", "model": "hed", "weights": str(weights)}


def annotate(photos: Path, out: Path, annotation: Annotation, batch_size: int) -> dict[str, dict[str, object]]:
    """The lines of the journal and of the report, by source."""
    for _ in annotate_folder(photos, out, annotation, workers=0, batch_size=batch_size):
        pass
    lines = [line for name in ("done.jsonl", "skipped.jsonl") for line in (out / name).read_text().splitlines()]
    return {row["source"]: row for row in map(json.loads, filter(None, lines))}


def test_groups_write_what_single_pictures_do(
    photos: Path, tmp_path: Path, soft_edge: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = weight_files.WeightFile("ControlNetHED.pth")
    network, seen = weight_files.load(file, soft_edge["weights"], hed.build, "auto"), list[int]()
    network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    annotation = Annotation("hed", soft_edge)
    alone = annotate(photos, tmp_path / "alone", annotation, 1)
    assert seen == [1] * 6
    together = annotate(photos, tmp_path / "together", annotation, 4)
    assert seen[6:] == [2, 1, 2, 1]  # three of the first four files can be read; of the next three two look alike
    assert together == alone and set(together) == {path.name for path in photos.iterdir()}
    for number in range(len(SIZES)):
        one, other = (np.asarray(read_image(tmp_path / f / f"{number}.png"), int) for f in ("alone", "together"))
        assert np.abs(one - other).max() <= 1 and np.ptp(one) > 0


def test_a_run_in_groups_that_was_killed_goes_on(photos: Path, tmp_path: Path) -> None:
    canny = Annotation("canny", {})
    whole = annotate(photos, tmp_path / "whole", canny, 1)
    steps = annotate_folder(photos, tmp_path / "cut", canny, workers=0, batch_size=3)
    for _ in range(3):
        next(steps)  # the first, then two of a group of three
    steps.close()
    kept = tmp_path / "cut" / "0.png"
    before = kept.stat().st_mtime_ns
    assert annotate(photos, tmp_path / "cut", canny, 4) == whole
    assert kept.stat().st_mtime_ns == before
    for path in (tmp_path / "whole").glob("*.png"):
        assert (tmp_path / "cut" / path.name).read_bytes() == path.read_bytes()


def test_a_condition_that_fails_for_one_picture_leaves_the_others(photos: Path, tmp_path: Path) -> None:
    """Maps of class numbers, of which one turns out to be a photograph."""
    for number in range(1, 6):
        read_image(photos / f"{number}.png").convert("L").point(lambda value: value % 60).save(photos / f"{number}.png")

    def sources(batch_size: int) -> tuple[list[object], list[object]]:
        out, options = tmp_path / str(batch_size), {"segmentation": {"method": "algorithm"}}
        for _ in build(
            photos, out, Plan(("canny", "segmentation"), 32, options=options), workers=0, batch_size=batch_size
        ):
            pass
        lines = ((out / name).read_text().splitlines() for name in ("metadata.jsonl", "skipped.jsonl"))
        done, skipped = ([json.loads(line) for line in some] for some in lines)
        return done, skipped

    done, skipped = sources(4)
    assert len(done) == 5 and [row["source"] for row in skipped] == ["0.png", "1-cut.png"]
    assert (done, skipped) == sources(1)


def test_annotations_and_thresholds_of_their_own_are_kept(photos: Path, tmp_path: Path) -> None:
    plan = Plan(("canny", "hed"), 32, random_canny=True)
    for size in (1, 5):
        for _ in build(photos, tmp_path / str(size), plan, workers=0, batch_size=size):
            pass
    alone, together = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.name != "done.jsonl"}
        for folder in (tmp_path / "1", tmp_path / "5")
    )
    assert alone == together


def test_several_at_once_are_usual_on_accelerators_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def usual(*asked: tuple[str, dict[str, str]]) -> int:
        return usual_batch_size([conditions.create(name, **options) for name, options in asked])

    network = {"method": "network"}
    monkeypatch.setattr(device, "_accelerators", list)
    assert usual(("hed", network)) == 1
    monkeypatch.setattr(device, "_accelerators", lambda: ["cuda"])
    assert usual(("hed", network)) == usual(("canny", {}), ("depth", network)) == ON_ACCELERATORS
    assert usual(("hed", {})) == usual(("hed", {**network, "device": "cpu"})) == usual(("canny", {})) == 1


@pytest.mark.parametrize("words", [["annotate", "canny"], ["dataset", "build", "--conditions", "canny"]])
def test_a_batch_is_one_picture_at_least(
    words: Sequence[str], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*words, str(photos), "--batch-size", "0", "--out", str(out)]) == 2
    assert "--batch-size must be at least 1, got 0" in capsys.readouterr().err and not out.exists()
