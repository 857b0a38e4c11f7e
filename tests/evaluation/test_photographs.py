"""Fidelity on photographs: scenes exported as plain pictures score as scenes do, each condition is found again."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tinydetectors import write_networks
from zeroconv import load_base, scenes
from zeroconv.conditions import coco
from zeroconv.data.extraction import Extraction, extraction_of
from zeroconv.errors import UserError
from zeroconv.evaluation.control import evaluate_control
from zeroconv.evaluation.fidelity import MEASURED
from zeroconv.evaluation.held_out import EVALUATION_SEED, HeldOut
from zeroconv.evaluation.lines import line_f1
from zeroconv.evaluation.photo_fidelity import photo_fidelity
from zeroconv.evaluation.photographs import Photographs, held_out_photographs, open_photographs, warn_of_training
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.trial import on_photographs
from zeroconv.scenes.export import PICTURES, SceneExport, export_scenes
from zeroconv.scenes.straight import straight_edges
from zeroconv.weights import Sidecar, load_with_sidecar

OPTIONS = {name: {"method": "scenes"} for name in ("pose", "segmentation", "depth", "normal")}
"""What reads pictures of the embedded world where the usual way is a network that does not ship."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve held-out scenes as pictures with captions and all condition images but canny's."""
    folder = tmp_path_factory.mktemp("exported") / "scenes"
    names = tuple(name for name in MEASURED if name != "canny")
    list(export_scenes(folder, SceneExport(12, EVALUATION_SEED, 128, names)))
    return folder


def extraction(condition: str) -> Extraction:
    return extraction_of(condition, OPTIONS.get(condition, {}))


def photographs(folder: Path, condition: str, count: int = 12) -> Photographs:
    by = extraction(condition)
    return held_out_photographs(open_photographs(str(folder), by, 128), photo_fidelity(by, by), count)


def test_scenes_as_plain_pictures_score_as_scenes_do(exported: Path) -> None:
    base = load_base("tiny")
    controlnet, sidecar = load_with_sidecar("tiny-canny", base)
    trial = on_photographs(str(exported), 2, base.native_size, options={}, measured_by={})("canny", sidecar)
    held_out, sampler = trial.read(), Sampler(steps=1)
    numbers = [int(Path(str(name)).stem) for name in held_out.names]
    same = HeldOut(EVALUATION_SEED, tuple(scenes.sample_scene(EVALUATION_SEED, k) for k in numbers), held_out.pictures)
    assert held_out.captions == same.captions
    found = evaluate_control(
        base, controlnet, "canny", held_out, sampler, fidelity=trial.fidelity, subject={}, sidecar=sidecar
    ).report
    usual = evaluate_control(base, controlnet, "canny", same, sampler, subject={}, sidecar=sidecar).report
    assert found.measures == usual.measures and found["control"].mean > 0
    assert found.rows[0]["photograph"] == held_out.names[0] and usual.rows[0]["scene"] == 0
    assert found.protocol["photographs"]["count"] == 2 and "scenes" not in found.protocol


@pytest.mark.parametrize("condition", MEASURED)
def test_photographs_follow_their_own_condition_better_than_anothers(condition: str, exported: Path) -> None:
    found, by = photographs(exported, condition), extraction(condition)
    fidelity = photo_fidelity(by, by)
    seen, asked = fidelity.found(found.pictures), fidelity.asked(found)
    assert len(asked) > 2 and all(a.image.shape == (128, 128, 3) for a in asked)
    own = np.mean([fidelity.score(f, a.truth) for f, a in zip(seen, asked, strict=True)])
    others = np.mean([fidelity.score(f, a.truth) for f, a in zip(seen, (*asked[1:], asked[0]), strict=True)])
    assert own < others / 1.5 if fidelity.is_error else own > 1.5 * others


@pytest.mark.parametrize("condition", MEASURED)
def test_what_reads_a_condition_that_it_made_itself_agrees_with_it(
    condition: str, exported: Path, tmp_path: Path
) -> None:
    for picture in (exported / PICTURES).glob("*.png"):
        shutil.copy(picture, tmp_path / picture.name)
    with pytest.warns(UserWarning, match="have no caption"):
        found = photographs(tmp_path, condition)
    by = extraction(condition)
    fidelity = photo_fidelity(by, by)
    pairs = zip(fidelity.found(found.pictures), fidelity.asked(found), strict=True)
    perfect = 0.0 if fidelity.is_error else 1.0
    assert [fidelity.score(f, a.truth) for f, a in pairs] == pytest.approx([perfect] * len(found.items), abs=0.05)


def test_lines_of_a_ready_drawing_are_found_in_it(exported: Path) -> None:
    by = extraction("hough")
    found = photographs(exported, "hough")
    for name, asked in zip(found.names, photo_fidelity(by, by).asked(found), strict=True):
        scene = scenes.sample_scene(EVALUATION_SEED, int(Path(name).stem))
        depth = scenes.render([scene], size=128).depth[0].numpy()
        assert line_f1(asked.truth, straight_edges(scene, depth).reshape(-1, 4) - 0.5) > 0.8


def test_another_network_can_judge(exported: Path, tmp_path: Path) -> None:
    weights = str(write_networks(tmp_path) / "segmentation")
    make = on_photographs(
        str(exported), 4, 128, options=OPTIONS, measured_by={"segmentation": {"method": "network", "weights": weights}}
    )
    with pytest.raises(UserError, match="not in the colours of ADE20K"):
        make("segmentation", Sidecar())
    make = on_photographs(str(exported), 4, 128, options={}, measured_by=OPTIONS)
    trial = make("segmentation", Sidecar())
    assert trial.fidelity.extractor["method"] == "scenes"
    assert len(trial.read().pictures) == 4


def test_annotated_classes_are_the_truth_and_a_network_judges(tmp_path: Path) -> None:
    for folder in ("images/validation", "annotations/validation"):
        (tmp_path / folder).mkdir(parents=True)
    for k in range(3):
        classes = np.zeros((40, 40), np.uint8)
        classes[:, 10:20], classes[:, 20:] = 4, 7 + k  # a quarter is unlabelled
        Image.fromarray(classes).save(tmp_path / "annotations" / "validation" / f"{k}.png")
        Image.new("RGB", (40, 40), (60 * k, 9, 9)).save(tmp_path / "images" / "validation" / f"{k}.jpg")
    (tmp_path / "sceneCategories.txt").write_text("0 street\n1 street\n2 street\n")
    judge = {"weights": str(write_networks(tmp_path / "networks") / "segmentation")}
    make = on_photographs(str(tmp_path), 3, 40, options={}, measured_by={"segmentation": judge})
    trial = make("segmentation", Sidecar())
    held_out, score = trial.read(), trial.fidelity.score
    asked = [a.truth for a in trial.fidelity.asked(held_out)]
    assert held_out.captions == ("street",) * 3 and trial.fidelity.extractor["weights"] == judge["weights"]
    assert all(0 <= score(found, asked[0]) < 1 for found in trial.fidelity.found(held_out.pictures))
    assert score(asked[0], asked[0]) == 1.0
    assert score(np.where(asked[0] == 0, 9, asked[0]), asked[0]) == 1.0  # where nothing is labelled anything may be
    assert score(asked[1], asked[0]) == 0.5  # one of the two classes


def test_segmentation_images_in_cocos_colours_are_refused(tmp_path: Path) -> None:
    for folder, colour in (("pictures", (9, 9, 9)), ("segmentation", coco.COLOURS[18])):
        (tmp_path / folder).mkdir()
        for k in range(3):
            Image.new("RGB", (32, 32), colour).save(tmp_path / folder / f"{k}.png")
    by = extraction_of("segmentation", {})
    data = f"folder:{tmp_path / 'pictures'},conditions={tmp_path / 'segmentation'}"
    with pytest.raises(UserError, match="not in the colours of ADE20K"):
        held_out_photographs(open_photographs(data, by, 32), photo_fidelity(by, by), 3)


def plain(folder: Path, count: int) -> Path:
    """Pictures of one white square each, and 0.png, which is empty."""
    folder.mkdir()
    for k in range(count):
        picture = np.zeros((32, 48, 3), np.uint8)
        picture[8 : 24 - k % 8, 16:32] = 255 * (k > 0)
        Image.fromarray(picture).save(folder / f"{k}.png")
    return folder


@pytest.mark.filterwarnings("ignore:.*have no caption")
def test_photographs_in_which_there_is_nothing_to_follow_are_left_out(tmp_path: Path) -> None:
    by = extraction_of("canny", {})
    source, fidelity = open_photographs(str(plain(tmp_path / "a", 5)), by, 32), photo_fidelity(by, by)
    assert sorted(held_out_photographs(source, fidelity, 9).names) == [f"{k}.png" for k in range(1, 5)]
    first = [source.entries[k].name for k in source.unseen_first() if source.entries[k].name != "0.png"]
    assert list(held_out_photographs(source, fidelity, 3).names) == first[:3]
    with pytest.raises(UserError, match="at least 2 photographs"):
        held_out_photographs(source, fidelity, 1)
    with pytest.raises(UserError, match="of 2 there are 1"):
        held_out_photographs(open_photographs(str(plain(tmp_path / "b", 2)), by, 32), fidelity, 2)


def test_what_training_held_out_comes_first_and_more_is_warned_about(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    by = extraction_of("canny", {})
    source = open_photographs(str(plain(tmp_path / "a", 40)), by, 32)
    seen, unseen = source.split(4)
    assert unseen is not None
    first = [source.entries[k].name for k in source.unseen_first()[:4]]
    assert sorted(first) == [entry.name for entry in unseen.entries]
    trained: dict[str, Any] = {**seen.describe(), "examples": len(seen)}
    warn_of_training(source, 4, trained)
    warn_of_training(source, 40, {**trained, "files": "others"})
    warn_of_training(source, 40, {"kind": "scenes", "examples": 20000})
    assert not recwarn.list
    with pytest.warns(UserWarning, match="of the 40 pictures all but 4 are"):
        warn_of_training(source, 5, trained)
    with pytest.warns(UserWarning, match="of the 40 pictures all are"):
        warn_of_training(source, 4, {**source.describe(), "examples": 40})


def test_rendered_scenes_are_no_photographs() -> None:
    with pytest.raises(UserError, match="--data names photographs"):
        open_photographs("scenes:20", extraction_of("canny", {}), 32)
