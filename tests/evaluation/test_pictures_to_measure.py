"""Pictures of folders, lists, generators and the world: their order, captions, seeds and shapes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.evaluation.quality.pictures import of_folder, of_generator, of_list, of_scenes, read_prompts
from zeroconv.images import save_png
from zeroconv.scenes import sample_scene


def picture(value: int, size: tuple[int, int] = (6, 4)) -> Image.Image:
    return Image.new("RGB", size, (value, value, value))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, value in (("b.png", 2), ("a.jpg", 1), ("c.webp", 3)):
        picture(value).save(tmp_path / name)
    (tmp_path / "a.txt").write_text("first\n")
    return tmp_path


def test_a_folder_is_sorted_and_has_its_captions_beside(folder: Path) -> None:
    found = of_folder(folder)
    assert found.names == ("a.jpg", "b.png", "c.webp")
    assert found.captions == ("first", "", "")
    assert found.load(1).shape == (4, 6, 3)
    assert found.load(1)[0, 0, 0] == 2
    assert of_folder(folder, ["x", "y", "z"]).captions == ("x", "y", "z")
    assert of_folder(folder).first(2).names == ("a.jpg", "b.png")
    with pytest.raises(UserError, match="has 3 pictures, fewer than the count of 4"):
        found.first(4)
    with pytest.raises(UserError, match="at least 2 pictures are needed for an interval, got a count of -1"):
        found.first(-1)
    with pytest.raises(UserError, match="2 prompts for the 3 pictures"):
        of_folder(folder, ["x", "y"])


def test_folders_below_are_read_too(folder: Path) -> None:
    (folder / "class").mkdir()
    picture(4).save(folder / "class" / "a.png")
    assert of_folder(folder).names == ("a.jpg", "b.png", "c.webp", "class/a.png")
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="holds no picture"):
        of_folder(folder / "empty")


def test_a_list_names_pictures_and_captions(folder: Path) -> None:
    rows = [{"file_name": "c.webp", "text": "third"}, {"file_name": "a.jpg", "text": "one"}]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert dict(zip(of_folder(folder).names, of_folder(folder).captions, strict=True)) == {
        "c.webp": "third",
        "a.jpg": "one",
    }


def test_our_own_pictures_bring_prompt_and_seed(tmp_path: Path) -> None:
    save_png(picture(1), tmp_path / "0.png", {"zeroconv": json.dumps({"prompt": "a red cube", "seeds": [7]})})
    save_png(picture(2), tmp_path / "1.png", {"zeroconv": "no json"})
    save_png(picture(3), tmp_path / "sheet.png")
    (tmp_path / "run.json").write_text("{}")
    found = of_folder(tmp_path)
    assert (found.names, found.captions, found.seeds) == (("0.png", "1.png"), ("a red cube", ""), (7, None))


def test_a_generator_draws_once_for_each_prompt_from_seeds_that_count_on() -> None:
    asked = []

    def draw(prompt: str, seed: int) -> Image.Image:
        asked.append((prompt, seed))
        return picture(seed)

    found = of_generator(draw, ["a", "b"], seed=5)
    assert (found.source, found.seeds, asked) == ("draw", (5, 6), [])
    assert found.load(1)[0, 0, 0] == 6
    assert asked == [("b", 6)]


def test_a_generator_that_gives_no_picture_is_told() -> None:
    with pytest.raises(UserError, match=r"PIL picture or uint8 \(H, W, 3\); got float32 \(4, 4, 3\)"):
        of_generator(lambda prompt, seed: np.zeros((4, 4, 3), np.float32), ["a"]).load(0)
    with pytest.raises(UserError, match="got NoneType"):
        of_generator(lambda prompt, seed: None, ["a"]).load(0)  # type: ignore[arg-type,return-value]


def test_a_list_of_pictures() -> None:
    found = of_list([picture(1), np.full((4, 6, 3), 9, np.uint8)], ["a", "b"])
    assert [found.load(k)[0, 0, 0] for k in (0, 1)] == [1, 9]
    with pytest.raises(UserError, match="1 prompts for 2 pictures"):
        of_list([picture(1), picture(2)], ["a"])


def test_scenes_are_held_out_and_no_others() -> None:
    found = of_scenes(2, 32)
    assert found.load(1).shape == (32, 32, 3)
    assert found.captions[1] == sample_scene(2_000_002, 1).caption
    with pytest.raises(UserError, match="may have been trained on"):
        of_scenes(2, 32, seed=5)


def test_prompts_are_read_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n\n three \n")
    assert read_prompts(tmp_path / "p.txt") == ("one", "", "three")
    with pytest.raises(UserError, match="no prompts file"):
        read_prompts(tmp_path / "q.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="not a text file"):
        read_prompts(tmp_path / "b.txt")
