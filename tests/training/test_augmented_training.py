"""Trainings with mirrored pictures, random crops, aspect-ratio buckets and sampled latents, as a user runs them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from toytraining import COUNT, same_weights, toy_base, toy_controlnet, toy_example

from tinybases import write_base
from zeroconv.cli.entry import main
from zeroconv.data.batches import Batches
from zeroconv.data.cache import Encoded
from zeroconv.data.views import Views
from zeroconv.training.config import TrainConfig
from zeroconv.training.loop import train
from zeroconv.training.state import to_record

RESULT = Path("controlnet", "diffusion_pytorch_model.safetensors")
SHAPES = [(128, 128), (220, 130), (130, 220), (200, 120), (140, 128), (120, 200), (300, 128), (128, 128), (220, 130)]
ALL = ["--flip", "0.5", "--crop", "random", "--crops", "2", "--buckets", "3", "--sample-latents", "yes"]


def other_view(example: Encoded, view: int) -> Encoded:
    return replace(example, latent=example.latent.roll(view, 2), deviation=torch.full_like(example.latent, 0.1))


def test_a_training_with_every_view_is_resumed_bitwise() -> None:
    base, config = toy_base(), TrainConfig(steps=5, learning_rate=1e-3, batch_size=4, seed=1)
    views = [[other_view(toy_example(index), view) for index in range(COUNT)] for view in range(4)]
    buckets = (frozenset(range(7)), frozenset(range(7, COUNT)))
    batches = Batches(Views(views[:2], views[2:], 0.5), base, 4, config.seed, buckets=buckets)
    whole = list(train(base, toy_controlnet(base), batches, config))
    *_, stopped = train(base, toy_controlnet(base), batches, replace(config, steps=2))
    rest = list(train(base, toy_controlnet(base), batches, config, resume=to_record(stopped.state, config)))
    assert [step.loss for step in rest] == [step.loss for step in whole[2:]]


@pytest.fixture(scope="module")
def sdxl_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random base shaped like SDXL at 128 pixels, so that there is more than one size of its area."""
    folder = write_base("sdxl", tmp_path_factory.mktemp("larger"))
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "sample_size": 16}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures of several shapes, with captions that tell left from right."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, (width, height) in enumerate(SHAPES):
        small = np.random.default_rng(number).integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(small).resize((width, height)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"number {number} left of nothing")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(base: Path, pictures: Path, cache: Path, out: Path, *options: str) -> int:
    what = ["--base", base, "--data", pictures, "--out", out, "--cache", cache, "--condition", "canny", *options]
    fixed = "--steps 2 --batch-size 2 --decay 0 --held-out 0 --workers 0 --preview-every 0 --tracker none --seed 3"
    return main(["train", *fixed.split(), *map(str, what)])


def names_of(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()}


def test_a_run_with_everything_on_goes_on_as_if_nothing_had_happened(
    sdxl_base: Path, pictures: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sdxl_base, pictures, cache, tmp_path / "whole", *ALL) == 0
    said = capsys.readouterr().out
    assert "buckets, width x height and how many pictures: 96x160: 2, 128x128: 3, 160x96: 4" in said
    prepared = names_of(cache)
    assert len(prepared) == 3 * 2 * 2  # buckets, crops, mirrored or not
    assert run(sdxl_base, pictures, cache, tmp_path / "halves", *ALL, "--steps", "1") == 0
    shutil.rmtree(tmp_path / "halves" / "controlnet")
    assert run(sdxl_base, pictures, cache, tmp_path / "halves", "--resume", "--steps", "2") == 0
    assert names_of(cache) == prepared
    assert same_weights(load_file(tmp_path / "halves" / RESULT), load_file(tmp_path / "whole" / RESULT))
    about = json.loads((tmp_path / "whole" / "run.json").read_text("utf-8"))
    assert about["buckets"] == ["96x160: 2", "128x128: 3", "160x96: 4"]
    assert (about["config"]["flip"], about["config"]["sample_latents"]) == (0.5, True)


def test_the_plain_cache_is_that_of_a_run_without_views(sdxl_base: Path, pictures: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert run(sdxl_base, pictures, cache, tmp_path / "plain") == 0
    (plain,) = names_of(cache)
    assert run(sdxl_base, pictures, cache, tmp_path / "mirrored", "--flip", "1") == 0
    assert len(names_of(cache)) == 2 and plain in names_of(cache)
    plain_loss, mirrored_loss = (
        [json.loads(line)["loss"] for line in (tmp_path / name / "log.jsonl").read_text("utf-8").splitlines()]
        for name in ("plain", "mirrored")
    )
    assert plain_loss != mirrored_loss and len(mirrored_loss) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--flip 1.5", "flip must lie between 0 and 1"),
        ("--crops 0", "crops must be above 0"),
        ("--buckets 0", "buckets must be above 0"),
        ("--crop sometimes", "crop must be one of centre, random"),
        ("--data scenes:4 --crop random", "--crop random is for pictures of one's own"),
        ("--data scenes:4 --buckets 2", "--buckets is for pictures of one's own"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    sdxl_base: Path,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: str,
    sentence: str,
) -> None:
    assert run(sdxl_base, pictures, tmp_path / "cache", tmp_path / "run", *options.split()) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("zeroconv: error: ") and sentence in error
    assert not (tmp_path / "run").exists()
