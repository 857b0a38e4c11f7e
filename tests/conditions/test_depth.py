"""Depth: near is bright from every kind of map and network, and no depth is made up."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroconv import conditions
from zeroconv.conditions import Depth, pretrained
from zeroconv.conditions.depth_map import nearness, read_depth_map
from zeroconv.errors import UserError

ROOMS = Path(__file__).parents[3] / "shared" / "data" / "depth"


def test_metres_become_inverse_depth() -> None:
    metres = np.array([[1.0, 2.0, 4.0, 0.0, np.inf, np.nan, -1.0]], np.float32)
    assert np.allclose(nearness(metres, "metric"), [[1, 1 / 3, 0, 0, 0, 0, 0]])


def test_inverse_depth_is_stretched() -> None:
    disparity = np.array([[10.0, 20.0, np.inf, 30.0]], np.float32)
    assert np.allclose(nearness(disparity, "inverse"), [[0, 0.5, 0, 1]])
    assert np.allclose(nearness(disparity * 1e-20, "inverse"), [[0, 0.5, 0, 1]])


def test_nothing_known_and_nothing_different_are_empty() -> None:
    assert not nearness(np.zeros((2, 2), np.float32), "metric").any()
    assert not nearness(np.full((2, 2), 3, np.float32), "metric").any()
    with pytest.warns(UserWarning, match="depth image is empty"):
        conditions.annotate("depth", np.full((4, 4, 3), 9, np.uint8), {"method": "algorithm"})


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png", ".tiff"])
def test_maps_in_files_keep_their_precision(suffix: str, tmp_path: Path) -> None:
    millimetres = (1000 + np.arange(12, dtype=np.uint16).reshape(3, 4)) * 2  # less than one step of 8 bits of 65535
    path = tmp_path / f"map{suffix}"
    if suffix == ".npy":
        np.save(path, millimetres.astype(np.float64))
    elif suffix == ".npz":
        np.savez(path, depth=millimetres)
    else:
        Image.fromarray(millimetres if suffix == ".png" else millimetres.astype(np.float32)).save(path)
    made = conditions.annotate_file("depth", path, {"method": "algorithm", "depth_map": "metric"})
    assert made.shape == (3, 4, 3) and made.dtype == np.uint8
    values = made[:, :, 0].reshape(-1).astype(int)
    assert values[0] == 255 and values[-1] == 0 and (np.diff(values) < 0).all()


def test_an_8_bit_map_is_read_as_picture(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    Image.fromarray(np.array([[50, 100, 150]], np.uint8)).save(path)
    assert read_depth_map(path) is None
    made = conditions.annotate_file("depth", path, {"method": "algorithm"})
    assert made[0, :, 0].tolist() == [0, 128, 255]


def test_files_that_are_no_map(tmp_path: Path) -> None:
    options = {"method": "algorithm"}
    np.save(tmp_path / "cube.npy", np.zeros((2, 3, 4)))
    (tmp_path / "text.npy").write_text("no numbers")
    np.save(tmp_path / "words.npy", np.array([["a"]]))
    for name, sentence in (
        ("cube.npy", r"expected one array of depths \(H, W\), got \(2, 3, 4\)"),
        ("text.npy", "not an array of numbers"),
        ("words.npy", "expected one array of depths"),
        ("none.npy", "no file"),
        ("none.png", "no file"),
    ):
        with pytest.raises(UserError, match=sentence):
            conditions.annotate_file("depth", tmp_path / name, options)


def test_there_is_no_depth_of_a_photograph_without_weights() -> None:
    colourful = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    with pytest.raises(UserError, match=r"this picture is in colour; depth of a photograph needs a network"):
        Depth(method="algorithm")(colourful)


def test_the_network_decides_what_is_near(tiny_networks: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    made = Depth(weights=str(tiny_networks / "depth"))(image)[:, :, 0].astype(float)
    loaded = pretrained.load("AutoModelForDepthEstimation", str(tiny_networks / "depth"), of="test", example="")
    predicted = loaded.processor.post_process_depth_estimation(loaded(image), [(60, 80)])[0]["predicted_depth"].numpy()
    assert made.min() == 0 and made.max() == 255
    assert np.corrcoef(made.ravel(), predicted.ravel())[0, 1] > 0.999


def test_a_network_that_predicts_metres_is_turned_round(tiny_networks: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    made = Depth(weights=str(tiny_networks / "metric"))(image)[:, :, 0].astype(float)
    loaded = pretrained.load("AutoModelForDepthEstimation", str(tiny_networks / "metric"), of="test", example="")
    metres = loaded(image).predicted_depth[0].numpy()
    assert np.unravel_index(metres.argmin(), metres.shape) == np.unravel_index(made.argmax(), made.shape)
    assert np.corrcoef(made.ravel(), metres.ravel())[0, 1] < -0.9


@pytest.mark.skipif(not ROOMS.is_dir(), reason="needs rendered rooms with true depth in ../shared/data/depth")
def test_a_real_room() -> None:
    path = ROOMS / "livingroom_00000_depth16.png"
    millimetres = np.asarray(Image.open(path)).astype(float)
    made = conditions.annotate_file("depth", path, {"method": "algorithm", "depth_map": "metric"})[:, :, 0]
    known = millimetres > 0
    assert not made[~known].any()
    assert made[known & (millimetres <= np.quantile(millimetres[known], 0.05))].min() > 150
    assert made[known & (millimetres >= np.quantile(millimetres[known], 0.95))].max() < 100
