"""The exported folder: complete, readable by Hugging Face datasets, the same however often it was interrupted."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.scenes import export as export_module
from zeroconv.scenes import render, sample_scene
from zeroconv.scenes.command import add_arguments, run
from zeroconv.scenes.export import SceneExport, export_scenes
from zeroconv.scenes.truth import CONDITIONS, condition_images

TWO = ("depth", "segmentation")


def small(count: int, seed: int = 3, conditions: tuple[str, ...] = TWO) -> SceneExport:
    return SceneExport(count, seed, size=32, conditions=conditions)


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("exported") / "new" / "set"
    assert list(export_scenes(place, small(3))) == [0, 3]
    return place


def test_rows_name_every_picture_of_a_scene(folder):
    rows = rows_of(folder)
    assert [row["index"] for row in rows] == [0, 1, 2]
    scene = sample_scene(3, 1)
    assert rows[1] == {
        "file_name": "image/000001.png",
        "text": scene.caption,
        "depth_file_name": "depth/000001.png",
        "segmentation_file_name": "segmentation/000001.png",
        "seed": 3,
        "index": 1,
        "objects": [thing.description for thing in scene.objects],
    }
    listed = {value for row in rows for key, value in row.items() if key.endswith("file_name")}
    assert set(files_of(folder)) == listed | {"metadata.jsonl", "export.json"}


def test_pictures_are_the_render_and_its_conditions(folder):
    scenes = [sample_scene(3, index) for index in range(3)]
    rendered = render(scenes, 32)
    truth = {"image": rendered.rgb.numpy()} | {name: condition_images(name, rendered, scenes) for name in TWO}
    for kind, pictures in truth.items():
        for index, picture in enumerate(pictures):
            np.testing.assert_array_equal(np.asarray(Image.open(folder / kind / f"{index:06d}.png")), picture)


def test_an_interrupted_export_continues_and_ends_with_the_same_files(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "RENDERED_TOGETHER", 1)
    interrupted = export_scenes(tmp_path / "set", small(3))
    assert [next(interrupted), next(interrupted)] == [0, 1]
    interrupted.close()
    assert not (tmp_path / "set" / "metadata.jsonl").exists()
    first, cut = tmp_path / "set" / "image" / "000000.png", tmp_path / "set" / "depth" / "000001.png"
    os.utime(first, ns=(1, 1))
    cut.unlink(missing_ok=True)
    assert list(export_scenes(tmp_path / "set", small(3))) == [1, 2, 3]
    assert first.stat().st_mtime_ns == 1  # kept, not written again
    assert files_of(tmp_path / "set") == files_of(folder)


def test_a_complete_set_is_left_alone_and_may_grow(folder, tmp_path):
    list(export_scenes(tmp_path, small(2)))
    before = files_of(tmp_path)
    assert list(export_scenes(tmp_path, small(2))) == [2]
    assert files_of(tmp_path) == before
    assert list(export_scenes(tmp_path, small(3))) == [2, 3]
    assert files_of(tmp_path) == files_of(folder)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (small(3, seed=4), "holds another set: seed 3"),
        (small(2), "already holds 3 examples"),
        (small(3, conditions=("depth",)), "holds another set: conditions"),
        (SceneExport(3, 3, size=48, conditions=TWO), "holds another set: size 32"),
    ],
)
def test_two_sets_do_not_mix(folder, asked, complaint):
    before = files_of(folder)
    with pytest.raises(UserError, match=complaint):
        list(export_scenes(folder, asked))
    assert files_of(folder) == before


def test_folders_with_other_things_in_them_are_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(UserError, match="not empty"):
        list(export_scenes(tmp_path, small(1)))
    with pytest.raises(UserError, match="is a file"):
        list(export_scenes(tmp_path / "holiday.jpg", small(1)))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "export.json").write_text('{"seed"')
    with pytest.raises(UserError, match="damaged"):
        list(export_scenes(tmp_path / "damaged", small(1)))


def test_condition_names_are_canonical_and_checked():
    assert small(1, conditions=("openpose", "mlsd", "hough")).conditions == ("hough", "pose")
    with pytest.raises(UserError, match="unknown condition 'canyn'"):
        small(1, conditions=("canyn",))
    with pytest.raises(UserError, match="at least one"):
        small(0)
    with pytest.raises(UserError, match="from 16 to 2048"):
        SceneExport(1, size=8)


def command_line(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def test_the_command_writes_all_conditions_and_says_where(tmp_path, capsys):
    assert command_line("--count", "1", "--seed", "3", "--size", "32", "--out", str(tmp_path / "set")) == 0
    said = capsys.readouterr().out
    assert {p.name for p in (tmp_path / "set").iterdir() if p.is_dir()} == {"image", *CONDITIONS}
    assert all(str(tmp_path / "set" / name) in said for name in (*CONDITIONS, "image", "metadata.jsonl"))


def test_the_command_writes_fill50k(tmp_path, capsys):
    assert command_line("--count", "2", "--size", "64", "--fill50k", "--out", str(tmp_path / "set")) == 0
    assert "2 circles of seed 0, 64x64 pixels" in capsys.readouterr().out
    assert len((tmp_path / "set" / "prompt.json").read_text().splitlines()) == 2
    with pytest.raises(UserError, match="no effect with --fill50k"):
        command_line("--fill50k", "--conditions", "all", "--out", str(tmp_path / "set"))


@pytest.mark.parametrize("wrong", [("--count", "0"), ("--conditions", ","), ("--conditions", "canny,edgy")])
def test_the_command_refuses_what_it_cannot_do(tmp_path, wrong):
    with pytest.raises(UserError):
        command_line(*wrong, "--out", str(tmp_path / "set"))
    assert not (tmp_path / "set").exists()


def test_hugging_face_reads_it_as_an_imagefolder(folder, tmp_path):
    datasets = pytest.importorskip("datasets", reason="needs the package datasets, which is no dependency")
    read = datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path), split="train")
    assert len(read) == 3
    assert set(read.column_names) == {"image", "text", "depth", "segmentation", "seed", "index", "objects"}
    assert read[2]["text"] == sample_scene(3, 2).caption
    np.testing.assert_array_equal(np.asarray(read[2]["depth"]), np.asarray(Image.open(folder / "depth" / "000002.png")))
