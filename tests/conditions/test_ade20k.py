"""ADE20K's palette: as published, and readable back to classes."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from zeroconv import conditions
from zeroconv.conditions import ade20k
from zeroconv.errors import UserError

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "ade20k"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="needs the official files in ../shared/data/ade20k")


@needs_published
def test_palette_and_names_are_the_published_ones() -> None:
    assert np.array_equal(ade20k.PALETTE, loadmat(PUBLISHED / "color150.mat")["colors"])
    with (PUBLISHED / "objectInfo150.csv").open() as file:
        assert tuple(row["Name"].split(";")[0] for row in csv.DictReader(file)) == ade20k.NAMES


def test_classes_survive_their_colours_but_for_the_collision() -> None:
    classes = np.arange(151).reshape(1, 151)
    back = ade20k.to_classes(ade20k.to_colours(classes))
    assert ade20k.collisions() == ((7, 49),)
    assert [ade20k.NAMES[number - 1] for number in (7, 49)] == ["road", "skyscraper"]
    assert back[0, 49] == 7
    assert np.array_equal(np.delete(back, 49), np.delete(classes, 49))


@needs_published
@pytest.mark.parametrize("name", ["ADE_val_00000001", "ADE_val_00000002"])
def test_a_real_map_is_coloured_and_read_back(name: str) -> None:
    labels = np.asarray(Image.open(PUBLISHED / f"{name}.png"))
    made = conditions.annotate_file("segmentation", PUBLISHED / f"{name}.png", {"method": "algorithm"})
    assert made.shape == (*labels.shape, 3)
    assert np.array_equal(made[labels == 3], np.broadcast_to([6, 230, 230], ((labels == 3).sum(), 3)))  # sky
    assert np.array_equal(ade20k.to_classes(made), labels)


def test_unlabelled_is_black_and_unknown_colours_are_unlabelled() -> None:
    assert ade20k.to_colours(np.zeros((1, 1), int)).tolist() == [[[0, 0, 0]]]
    near_wall = np.array([[[120, 120, 121], [120, 120, 120], [255, 255, 255]]], np.uint8)
    assert ade20k.to_classes(near_wall).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("wrong", [151, -1])
def test_numbers_beyond_the_classes(wrong: int) -> None:
    with pytest.raises(UserError, match=f"the map has {wrong}"):
        ade20k.to_colours(np.array([[1, wrong]]))
