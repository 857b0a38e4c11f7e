"""The fill50k set: the look of the original to the last pixel, its file layout, exact and repeatable ground truth."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv.errors import UserError
from zeroconv.scenes.fill50k import (
    COLOUR_NAMES,
    Circle,
    draw_filled,
    draw_outline,
    export_fill50k,
    rgb,
    sample_circle,
)

ORIGINAL = Path(__file__).parents[3] / "shared" / "data" / "fill50k_300"


def export(folder: Path, count: int = 3, seed: int = 5, size: int = 64) -> None:
    list(export_fill50k(folder, count, seed, size))


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.skipif(not ORIGINAL.is_dir(), reason="needs 300 pairs of the original set in ../shared/data/fill50k_300")
def test_pictures_are_those_of_the_original_set():
    compared = 0
    for row in read_lines(ORIGINAL / "prompt_rebuilt.jsonl")[:20]:
        target = np.asarray(Image.open(ORIGINAL / row["target"]).convert("RGB"))
        rows, columns = np.nonzero((target == rgb(row["circle"])).all(axis=2))
        if min(rows.min(), columns.min()) == 0 or max(rows.max(), columns.max()) == 511:
            continue  # cut by the frame: centre and radius cannot be read off its bounding box
        x, y, radius = (columns.min() + columns.max()) // 2, (rows.min() + rows.max()) // 2, np.ptp(rows) // 2
        circle = Circle(0, 512, int(x), int(y), int(radius), row["circle"], row["background"])
        np.testing.assert_array_equal(draw_filled(circle), target)
        source = np.asarray(Image.open(ORIGINAL / row["source"]).convert("RGB"))
        np.testing.assert_array_equal(draw_outline(circle), source)
        compared += 1
    assert compared >= 5


def test_colours_are_the_138_of_the_set_spelt_in_words():
    assert len(COLOUR_NAMES) == len(set(COLOUR_NAMES)) == 138
    assert len({rgb(name) for name in COLOUR_NAMES}) == 138
    assert rgb("pale golden rod") == (238, 232, 170)
    prompt = Circle(0, 512, 254, 411, 146, "pale golden rod", "old lace").prompt
    assert prompt == "pale golden rod circle with old lace background"


def test_circles_depend_on_seed_and_index_alone():
    assert sample_circle(7, 3) == Circle(3, 512, 139, 337, 213, "light salmon", "gray")
    assert sample_circle(7, 3) != sample_circle(8, 3) != sample_circle(8, 4)


def test_circles_keep_the_ranges_of_the_set():
    circles = [sample_circle(1, index) for index in range(2000)]
    assert min(min(c.x, c.y) for c in circles) == 100
    assert max(max(c.x, c.y) for c in circles) == 411
    assert {min(c.radius for c in circles), max(c.radius for c in circles)} == {64, 255}
    assert all(c.colour != c.background for c in circles)
    assert {c.colour for c in circles} == set(COLOUR_NAMES)


def test_the_outline_lies_on_the_rim_of_the_filled_circle():
    circle = sample_circle(2, 1)
    filled = (draw_filled(circle) == rgb(circle.colour)).all(axis=2)
    y, x = np.nonzero(draw_outline(circle)[..., 0])
    distance = np.hypot(x - circle.x, y - circle.y)
    assert np.abs(distance - circle.radius).max() < 3.5
    y, x = np.nonzero(filled)
    assert np.hypot(x - circle.x, y - circle.y).max() == pytest.approx(circle.radius, abs=1)


def test_a_smaller_set_shows_the_same_circles_reduced():
    small, large = sample_circle(3, 4, 128), sample_circle(3, 4, 512)
    assert (small.colour, small.background) == (large.colour, large.background)
    assert small.x == pytest.approx(large.x / 4, abs=0.51)
    assert small.radius == pytest.approx(large.radius / 4, abs=0.51)
    with pytest.raises(UserError, match="at least 32"):
        sample_circle(3, 4, 31)


def test_layout_is_the_originals_with_the_truth_beside_it(tmp_path):
    export(tmp_path / "set")
    rows, truth = read_lines(tmp_path / "set" / "prompt.json"), read_lines(tmp_path / "set" / "truth.jsonl")
    assert rows[1] == {"source": "source/1.png", "target": "target/1.png", "prompt": sample_circle(5, 1, 64).prompt}
    assert len(rows) == len(truth) == 3
    for row, facts in zip(rows, truth, strict=True):
        background, colour = facts.pop("background_rgb"), facts.pop("colour_rgb")
        circle = Circle(**facts)
        target = np.asarray(Image.open(tmp_path / "set" / row["target"]))
        np.testing.assert_array_equal(target, draw_filled(circle))
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "set" / row["source"])), draw_outline(circle))
        assert {tuple(pixel) for pixel in target.reshape(-1, 3)} == {tuple(background), tuple(colour)}


def test_an_interrupted_export_continues_and_ends_with_the_same_files(tmp_path):
    export(tmp_path / "whole", count=4)
    interrupted = export_fill50k(tmp_path / "parts", 4, 5, 64)
    next(interrupted)
    interrupted.close()
    assert not (tmp_path / "parts" / "prompt.json").exists()
    kept = (tmp_path / "parts" / "source" / "0.png").stat().st_mtime_ns
    export(tmp_path / "parts", count=4)
    assert (tmp_path / "parts" / "source" / "0.png").stat().st_mtime_ns == kept
    whole, parts = (
        {p.relative_to(f).as_posix(): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path / "whole", tmp_path / "parts")
    )
    assert whole == parts
    assert len(whole) == 4 * 2 + 3


def test_two_sets_do_not_mix(tmp_path):
    export(tmp_path / "set")
    with pytest.raises(UserError, match="holds another set: seed 5"):
        export(tmp_path / "set", seed=6)
    with pytest.raises(UserError, match="already holds 3"):
        export(tmp_path / "set", count=2)
    export(tmp_path / "set", count=4)
    assert len(read_lines(tmp_path / "set" / "prompt.json")) == 4
