"""Segmentation: the network's own classes in the palette's colours, and maps that are refused where they do not fit."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tinydetectors import masks, segmentation
from zeroconv.conditions import Segmentation, ade20k, pretrained
from zeroconv.conditions.segmentation import SEMANTIC, _from_masks
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


@pytest.mark.parametrize("family", ["mask2former", "oneformer"])
def test_networks_that_find_masks_give_classes_as_transformers_own_processing_does(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: pytest.fail("asked the hub"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, processor = masks(family)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    if family == "oneformer":  # as the published ones have it
        file = tmp_path / "preprocessor_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "class_info_file": "ade20k_panoptic.json"}))
    pictures = [photo()[:16, :16].copy(), photo()[16:32, :16].copy()]  # as large as the masks, which are not scaled
    made = Segmentation(weights=str(tmp_path)).many(pictures)
    inputs = dict(processor(images=pictures, input_data_format="channels_last", return_tensors="pt"))
    if family == "oneformer":
        inputs["task_inputs"] = torch.zeros(2, 77, dtype=torch.long)
        inputs["task_inputs"][:, : len(SEMANTIC)] = torch.tensor(SEMANTIC)
    with torch.no_grad():
        answer = model(**inputs)
    expected = processor.post_process_semantic_segmentation(answer, target_sizes=[(16, 16)] * 2)
    same = [(a == ade20k.PALETTE[b]).all(2).mean() for a, b in zip(made, expected, strict=True)]
    assert min(same) > (0.9 if family == "mask2former" else 0.999)  # whose masks go through 384 x 384 pixels there
    assert len(np.unique(expected[0])) > 2


def test_what_pads_a_picture_is_no_part_of_it() -> None:
    classes = torch.full((1, 2, 4), -30.0)
    classes[0, 0, 1] = classes[0, 1, 2] = 30.0  # the first mask is of class 1, the second of class 2
    drawn = torch.full((1, 2, 8, 8), -30.0)
    drawn[0, 0, :4, :6], drawn[0, 1, 4:], drawn[0, 1, :, 6:] = 30.0, 30.0, 30.0
    is_picture = torch.zeros(32, 32, dtype=torch.int64)
    is_picture[:16, :24] = 1
    found = SimpleNamespace(class_queries_logits=classes, masks_queries_logits=drawn)
    scores = _from_masks(found, is_picture, (10, 15))
    assert scores.shape == (1, 3, 10, 15) and (scores.argmax(1) == 1).all()


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
