"""What `zeroconv train --dry-run` foretells: memory against what is really alive in a step, disk, data."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from toytraining import Train, toy_base, toy_batches, toy_controlnet

from zeroconv.data.cache import num_missing
from zeroconv.objective import noise_prediction_loss
from zeroconv.training import disk as disk_file
from zeroconv.training import dry_run as dry_run_file
from zeroconv.training.config import TrainConfig
from zeroconv.training.disk import in_words
from zeroconv.training.memory import LiveBytes, estimate_memory, num_bytes

CONFIG = TrainConfig(batch_size=3, seed=1)


def test_a_step_without_content_holds_as_much_as_a_real_one() -> None:
    base = toy_base()
    controlnet = toy_controlnet(base)
    batch = next(toy_batches(base, CONFIG).starting(0))
    memory = estimate_memory(base, controlnet, batch, CONFIG)
    assert all(value.grad is None for value in controlnet.parameters())
    with LiveBytes() as live:
        noise_prediction_loss(base, controlnet, batch).sum().backward()  # type: ignore[no-untyped-call]
    examples = sum(part.nbytes for part in (batch.latents, batch.noise, batch.condition, batch.text.tokens))
    assert memory.step == pytest.approx(live.peak + examples, rel=0.02)
    assert live.peak > num_bytes(controlnet), "gradients are part of it"


def test_what_needs_less_memory_is_foretold_to() -> None:
    base = toy_base()
    controlnet = toy_controlnet(base)
    batch = next(toy_batches(base, CONFIG).starting(0))
    plain = estimate_memory(base, controlnet, batch, CONFIG)
    less = replace(CONFIG, checkpointing=True, precision="bf16", optimizer="adamw8bit", ema=0.9)
    other = estimate_memory(base, controlnet, batch, less)
    parameters = sum(value.numel() for value in controlnet.parameters())
    assert plain.optimizer == 8 * parameters and 2 * parameters <= other.optimizer < 2.1 * parameters
    assert other.controlnet == 2 * plain.controlnet == 2 * num_bytes(controlnet)
    assert other.step < 0.8 * plain.step
    assert plain.peak == plain.base + plain.controlnet + plain.optimizer + plain.step


def test_an_unlocked_base_is_counted_and_stays_locked() -> None:
    base = toy_base()
    controlnet = toy_controlnet(base)
    batch = next(toy_batches(base, CONFIG).starting(0))
    locked = estimate_memory(base, controlnet, batch, CONFIG)
    config = replace(CONFIG, unlock="all", ema=0.9)
    unlocked = estimate_memory(base, controlnet, batch, config)
    weights = num_bytes(base.unet)
    assert unlocked.base == locked.base + weights and unlocked.optimizer == locked.optimizer + 2 * weights
    assert unlocked.step >= locked.step + weights, "its gradients"
    assert not any(value.requires_grad for value in base.unet.parameters())
    spread = estimate_memory(base, controlnet, batch, config, processes=4)  # the first process has whole copies too
    assert spread.base == pytest.approx(1.5 * weights, rel=1e-3) and spread.optimizer == unlocked.optimizer / 4
    assert spread.controlnet == pytest.approx(1.5 * num_bytes(controlnet), rel=1e-3)
    assert estimate_memory(base, controlnet, batch, CONFIG, processes=4) == locked
    states, nets, bases = disk_file.run_writes(Path(), base, controlnet, config)
    assert states.num_bytes == 3 * 4 * (num_bytes(controlnet) + weights)
    assert (nets.num_bytes, bases.num_bytes) == (4 * num_bytes(controlnet), 4 * weights)


def test_it_tells_all_and_writes_nothing(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, cache = tmp_path / "run", tmp_path / "cache"
    assert train(out, "--dry-run", "--cache", str(cache)) == 0
    rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    rows = {name: value.strip() for name, value in rows.items()}
    assert rows["examples"] == "6, and 3 held out"
    assert rows["condition"] == "canny, values 0 to 1 in 6 looked at"
    assert rows["prompts"] == "50% will be empty" and rows["captions"].startswith("0% empty in 6")
    assert rows["training"] == "4 steps of 2: 1.33 times through the data"
    assert rows["disk: cache of 9 examples"].startswith(in_words(9 * (4 * 4 * 8 * 8 + 64 * 64)))
    assert "s a step" in rows["time"] and rows["memory: together"].startswith("about ")
    assert not out.exists() and not cache.exists()


def test_every_crop_mirror_and_bucket_is_foretold(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, cache = tmp_path / "pictures", tmp_path / "cache"
    pictures.mkdir()
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 256, (64, 90 - number, 3), np.uint8)
        Image.fromarray(values).save(pictures / f"{number}.png")
    views = "--crop random --crops 2 --flip 0.5 --sample-latents yes --variant lite --unlock decoder"
    options = ["--data", str(pictures), "--cache", str(cache), "--held-out", "0", *views.split()]
    assert train(tmp_path / "run", "--dry-run", *options) == 0
    told = capsys.readouterr().out
    assert f"disk: cache of 12 examples  {in_words(12 * (2 * 4 * 4 * 8 * 8 + 64 * 64))}" in re.sub("  +", "  ", told)
    assert ", lite, adamw" in told and "of the base (decoder)" in told and "disk: their bases" in told


def test_what_would_go_wrong_is_one_sentence(
    train: Train, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sentences() -> Iterator[str]:
        assert train(whole, "--dry-run") == 2
        yield "already holds a training run"
        with monkeypatch.context() as patch:
            patch.setattr(disk_file.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**4))
            assert train(tmp_path / "run", "--dry-run") == 2
        yield "where 10 kB are free"
        with monkeypatch.context() as patch:
            patch.setattr(dry_run_file, "_total_memory", lambda _: 10**5)
            assert train(tmp_path / "run", "--dry-run") == 2
        yield "cpu has 100 kB: --checkpointing yes"
        with monkeypatch.context() as patch:
            patch.setattr(np, "ptp", lambda _: 0)
            assert train(tmp_path / "run", "--dry-run") == 2
        yield "all 6 canny images that were looked at are of one colour"

    for sentence in sentences():
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_be_resumed_is_told_before(
    train: Train, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path for path in whole.rglob("*") if path.is_file())
    for words, sentence in (
        (["--data", "scenes:7"], "was started with data = "),
        (["--condition", "canny,low=50"], "was started with condition = "),
        (["--variant", "lite"], "was started with variant = full, not lite"),
    ):
        assert train(whole, "--dry-run", "--resume", *words) == 2
        assert sentence in capsys.readouterr().err
    assert train(whole, "--dry-run", "--resume") == 0
    assert re.search(r"^resume +after step 4$", capsys.readouterr().out, re.MULTILINE)
    assert train(tmp_path / "none", "--dry-run", "--resume") == 0
    assert "none: a fresh start" in capsys.readouterr().out
    assert sorted(path for path in whole.rglob("*") if path.is_file()) == before


def test_sizes_in_words() -> None:
    assert [in_words(count) for count in (12, 1234, 5.67e8, 3e12)] == ["12 B", "1.23 kB", "567 MB", "3 TB"]


def test_a_cache_that_is_not_there_lacks_all(tmp_path: Path) -> None:
    assert num_missing(tmp_path / "none", 300) == 300
    (tmp_path / "00000000-00000128.safetensors").touch()
    assert num_missing(tmp_path, 300) == 172
