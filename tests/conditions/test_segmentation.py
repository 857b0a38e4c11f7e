"""Segmentation: the network's own classes in the palette's colours, and maps that are refused where they do not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tinydetectors import segmentation
from zeroconv.conditions import Segmentation, ade20k, pretrained
from zeroconv.errors import UserError


def photo() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 72, 3), dtype=np.uint8)


def test_the_networks_most_likely_class_decides(tiny_networks: Path) -> None:
    weights = str(tiny_networks / "segmentation")
    made = Segmentation(weights=weights)(photo())
    loaded = pretrained.load("AutoModelForSemanticSegmentation", weights, of="test", example="")
    logits = torch.nn.functional.interpolate(loaded(photo()).logits, size=(40, 72), mode="bilinear")[0]
    expected = logits.argmax(0).numpy()
    assert np.array_equal(made, ade20k.PALETTE[expected])
    assert len(np.unique(expected)) > 3


def test_a_network_for_other_classes_is_refused(tmp_path: Path, tiny_networks: Path) -> None:
    segmentation(19).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        (tiny_networks / "segmentation" / "preprocessor_config.json").read_text()
    )
    with pytest.raises(UserError, match="tells 19 classes apart, but the condition has ADE20K's 150"):
        Segmentation(weights=str(tmp_path))(photo())


def test_a_photograph_is_no_map_of_classes() -> None:
    with pytest.raises(UserError, match="this picture is in colour"):
        Segmentation(method="algorithm")(photo())
    with pytest.raises(UserError, match="the map has 255"):
        Segmentation(method="algorithm")(np.full((4, 4, 3), 255, np.uint8))
