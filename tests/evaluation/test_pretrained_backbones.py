"""CLIP and DINO from folders, against transformers' own way through the same networks."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tinyclip import write_clip, write_dino

from zeroconv.errors import UserError
from zeroconv.evaluation.quality.per_picture import clip_score
from zeroconv.evaluation.quality.pretrained_backbones import clip, dino

RANDOM = np.random.default_rng(0)
PICTURES = [RANDOM.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((40, 56), (28, 28), (90, 30))]
CAPTIONS = ["a red house", "a blue tree and a person", ""]


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip"))


def test_the_score_is_the_cosine_that_clip_itself_computes(clip_folder: Path) -> None:
    model = transformers.CLIPModel.from_pretrained(clip_folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(clip_folder, backend="pil")
    words = transformers.CLIPTokenizer.from_pretrained(clip_folder)(CAPTIONS, padding=True, return_tensors="pt")
    pixels = processor(images=[Image.fromarray(picture) for picture in PICTURES], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        found = model(input_ids=words["input_ids"], attention_mask=words["attention_mask"], pixel_values=pixels)
    expected = (found.logits_per_image / model.logit_scale.exp()).diagonal().tolist()
    ours = clip(str(clip_folder), "cpu")
    scores = clip_score(ours)(PICTURES, CAPTIONS, ours.read(PICTURES))
    assert scores[:2] == pytest.approx(expected[:2], abs=1e-5)
    assert scores[2] is None  # no caption, no score
    assert abs(scores[0] - scores[1]) > 1e-4  # else the test could not see a wrong order


def test_what_is_read_does_not_depend_on_the_neighbours(clip_folder: Path) -> None:
    ours = clip(str(clip_folder), "cpu")
    assert np.allclose(ours.read(PICTURES)[2], ours.read(PICTURES[2:])[0], atol=1e-5)
    assert ours.read_texts is not None
    assert np.allclose(ours.read_texts(CAPTIONS)[0], ours.read_texts(CAPTIONS[:1])[0], atol=1e-5)


def test_a_long_caption_is_cut(clip_folder: Path) -> None:
    ours = clip(str(clip_folder), "cpu")
    assert ours.read_texts is not None
    assert np.isfinite(ours.read_texts(["a red house " * 50])).all()


def test_dino_gives_the_class_token(tmp_path: Path) -> None:
    folder = write_dino(tmp_path)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels = processor(images=[Image.fromarray(picture) for picture in PICTURES], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = model(pixel_values=pixels).pooler_output  # of DINOv2: the class token, normalised
    assert np.allclose(dino(str(folder), "cpu").read(PICTURES), expected, atol=1e-5)


def test_mistakes_are_said(clip_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clip: no network at '/nowhere'.*openai/clip-vit-large-patch14"):
        clip("/nowhere", "cpu")
    bare = tmp_path / "bare"
    shutil.copytree(clip_folder, bare, ignore=shutil.ignore_patterns("tokenizer*", "vocab*", "merges*"))
    with pytest.raises(UserError, match="has no tokenizer"):
        clip(str(bare), "cpu")
    with pytest.raises(UserError, match="dino: "):
        dino(str(tmp_path), "cpu")
