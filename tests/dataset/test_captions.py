"""Captions from files of a chosen kind, and by BLIP: wired as transformers has it, the same each time."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

from zeroconv.cli.entry import main
from zeroconv.dataset import Plan, build
from zeroconv.dataset.captions import describe
from zeroconv.errors import UserError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "red", "green", "house", "tree", "sea"]


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BLIP in the layout of the released one."""
    folder = tmp_path_factory.mktemp("blip")
    (folder / "words.txt").write_text("\n".join(WORDS))
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    words = {"vocab_size": len(WORDS), "bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    torch.manual_seed(3)
    config = BlipConfig(
        text_config={**size, **words, "encoder_hidden_size": 16, "max_position_embeddings": 64},
        vision_config={**size, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    model = BlipForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():  # the usual small weights would say the same of every picture
            parameter.normal_(std=0.7)
        bias = dict(model.named_parameters())["text_decoder.cls.predictions.bias"]
        bias[:7] = -50  # words alone ...
        bias[3] = -2  # ... and an end
    model.save_pretrained(folder)
    BertTokenizer(str(folder / "words.txt")).save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures; one with a text beside it, two of them in a list."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate("abc"):
        noise = np.random.default_rng(number).integers(0, 40, (48, 48, 3), np.uint8) + np.uint8(107 * number)
        Image.fromarray(noise).save(folder / f"{name}.png")
    (folder / "b.txt").write_text("beside b")
    rows = [{"file_name": f"{name}.png", "text": f"listed {name}"} for name in "ab"]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def texts(photos: Path, out: Path, workers: int = 0, **options: object) -> list[str]:
    for _progress in build(photos, out, Plan(conditions=("canny",), size=32, **options), workers=workers):  # type: ignore[arg-type]
        pass
    return [json.loads(line)["text"] for line in (out / "metadata.jsonl").read_text().splitlines()]


def test_captions_of_a_chosen_kind(photos: Path, tmp_path: Path) -> None:
    assert texts(photos, tmp_path / "1") == texts(photos, tmp_path / "2", captions="jsonl") == ["listed a", "listed b"]
    assert texts(photos, tmp_path / "3", captions="sidecar") == ["", "beside b"]
    assert texts(photos, tmp_path / "4", captions="none") == ["", ""]
    (photos / "metadata.jsonl").unlink()
    assert texts(photos, tmp_path / "5") == texts(photos, tmp_path / "6", captions="sidecar") == ["", "beside b", ""]
    with pytest.raises(UserError, match=r"jsonl needs metadata.jsonl, .* which is read as sidecars"):
        texts(photos, tmp_path / "7", captions="jsonl")
    (photos / "b.txt").unlink()
    with pytest.raises(UserError, match=r"sidecar needs text files as PICTURE.txt"):
        texts(photos, tmp_path / "8", captions="sidecar")


def test_blip_says_the_same_of_a_picture_every_time(blip: Path, photos: Path, tmp_path: Path) -> None:
    said = texts(photos, tmp_path / "1", captions="blip", caption_weights=str(blip))
    assert len(set(said)) > 1 and all(set(text.split()) <= set(WORDS) for text in said)
    assert said == [
        describe(np.asarray(Image.open(tmp_path / "1" / "image" / f"{name}.png")), str(blip)) for name in "ab"
    ]
    recorded = json.loads((tmp_path / "1" / "export.json").read_text())
    assert (recorded["captions"], recorded["caption_weights"]) == ("blip", str(blip))


def test_blip_is_given_the_picture_as_it_was_trained(blip: Path) -> None:
    """The processor's own chain, written out: 32 x 32 by cubic interpolation, mean and deviation of CLIP."""
    from zeroconv.conditions import pretrained

    picture = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    loaded = pretrained.load("BlipForConditionalGeneration", str(blip), of="captions", example="x")
    mean, deviation = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    wanted = ((picture / 255 - mean) / deviation).transpose(2, 0, 1)
    assert np.allclose(loaded.prepared(picture)["pixel_values"][0].numpy(), wanted, atol=1e-5)


def test_what_is_missing_is_said(photos: Path, tmp_path: Path, blip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset", "build", str(photos), "--conditions", "canny", "--size", "32", "--workers", "0"]
    words += ["--captions", "blip", "--out", str(tmp_path / "out")]
    assert main([*words, "--caption-weights", "./none"]) == 2
    error = capsys.readouterr().err
    assert "captions: no network at './none'" in error and "--captions sidecar" in error and "Traceback" not in error
    dumb = shutil.copytree(blip, tmp_path / "dumb", ignore=shutil.ignore_patterns("tokenizer*", "vocab*"))
    with pytest.raises(UserError, match=r"has no words that can be read; expected tokenizer.json"):
        describe(np.zeros((32, 32, 3), np.uint8), str(dumb))


def test_plans_that_cannot_be_done() -> None:
    with pytest.raises(UserError, match="did you mean 'sidecar'"):
        Plan(conditions=("canny",), captions="sidecars")  # type: ignore[arg-type]
