from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from zeroconv.base import BaseModel, load_base
from zeroconv.data import cache
from zeroconv.data.cache import EncodedExamples, cache_folder, fill
from zeroconv.data.crop import RandomCrop
from zeroconv.data.extraction import extraction_of
from zeroconv.data.folder import FolderSource
from zeroconv.data.records import Example
from zeroconv.data.scenes import SceneSource

CANNY = extraction_of("canny", {"low": 30, "high": 60})


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> SceneSource:
    monkeypatch.setattr(cache, "SHARD", 4)
    return SceneSource(10, CANNY, size=64)


def test_what_is_cached_is_what_was_read(tmp_path: Path, base: BaseModel, source: SceneSource) -> None:
    assert list(fill(tmp_path, base, source)) == [0, 4, 8, 10]
    examples = EncodedExamples(tmp_path, 10)
    assert len(examples) == 10
    for index, example in ((0, source.read([0])[0]), (9, source.read([9])[0])):
        cached = examples[index]
        pixels = torch.from_numpy(example.image).permute(2, 0, 1)[None] / 127.5 - 1
        assert (cached.name, cached.caption, cached.index) == (example.name, example.caption, index)
        torch.testing.assert_close(cached.latent, base.encode_image(pixels)[0], rtol=0, atol=0.05)
        assert cached.latent.std() > 0.01
        assert np.array_equal(cached.condition.permute(1, 2, 0).numpy(), example.condition)


@pytest.mark.parametrize("window", [0, 1])
def test_files_are_opened_when_they_are_wanted_and_few_at_a_time(
    tmp_path: Path, base: BaseModel, source: SceneSource, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(fill(tmp_path, base, source))
    announced: list[str] = []
    monkeypatch.setattr(cache, "_announce", lambda path: announced.append(path.name))
    examples = EncodedExamples(tmp_path, 10, window=window)
    assert examples._shard.cache_info().currsize == 0
    names = [examples[index].name for index in (9, 0, 1, 4, 8)]
    assert names == [source.read([index])[0].name for index in (9, 0, 1, 4, 8)]
    assert examples._shard.cache_info().currsize == (2 if window else 3)
    first, second, third = (f"{start:08d}-{stop:08d}.safetensors" for start, stop in ((0, 4), (4, 8), (8, 10)))
    assert announced == ([third, first, second, third] if window else [])
    with pytest.raises(IndexError, match="example 10 of 10"):
        examples[10]
    (tmp_path / second).unlink()
    with pytest.raises(FileNotFoundError, match="lacks 4 of 10 examples"):
        EncodedExamples(tmp_path, 10)


def test_a_file_is_announced_to_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    cache._announce(tmp_path / "file")


def test_a_colour_condition_keeps_its_channels(tmp_path: Path, base: BaseModel, source: SceneSource) -> None:
    in_colour = replace(source, extraction=replace(CANNY, extract=lambda image: image[:, :, :2]))
    list(fill(tmp_path, base, in_colour))
    cached = EncodedExamples(tmp_path, 10)[5]
    assert cached.condition.shape == (2, 64, 64)
    assert np.array_equal(cached.condition.permute(1, 2, 0).numpy(), source.read([5])[0].image[:, :, :2])


def test_a_fill_goes_on_where_it_stopped(tmp_path: Path, base: BaseModel, source: SceneSource) -> None:
    filling = fill(tmp_path, base, source)
    assert [next(filling), next(filling)] == [0, 4]
    filling.close()
    first = next(tmp_path.iterdir())
    written = first.stat().st_mtime_ns
    assert list(fill(tmp_path, base, source)) == [4, 8, 10]
    assert first.stat().st_mtime_ns == written
    assert list(fill(tmp_path, base, source)) == [10]


def test_more_examples_reuse_those_that_are_there(tmp_path: Path, base: BaseModel, source: SceneSource) -> None:
    list(fill(tmp_path, base, source))
    assert list(fill(tmp_path, base, replace(source, count=12))) == [8, 12]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, base: BaseModel, source: SceneSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, str]) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(cache, "write_tensors", cut_short)
    with pytest.raises(OSError, match="no space"):
        list(fill(tmp_path, base, source))
    assert list(tmp_path.iterdir()) == []


def test_worker_processes_change_nothing(tmp_path: Path, base: BaseModel, source: SceneSource) -> None:
    list(fill(tmp_path / "here", base, source))
    assert list(fill(tmp_path / "there", base, source, workers=1)) == [0, 4, 8, 10]
    for path in sorted((tmp_path / "here").iterdir()):
        mine, theirs = load_file(path), load_file(tmp_path / "there" / path.name)
        assert torch.equal(mine["conditions"], theirs["conditions"])
        assert torch.equal(mine["latents"], theirs["latents"])


def test_the_folder_names_all_that_the_content_depends_on(tmp_path: Path, base: BaseModel, source: SceneSource) -> None:
    other = extraction_of("canny", {"low": 40, "high": 60})
    folders = [
        cache_folder(tmp_path, base, source, CANNY),
        cache_folder(tmp_path, base, replace(source, seed=2), CANNY),
        cache_folder(tmp_path, base, replace(source, extraction=other), other),
        cache_folder(tmp_path, base, Repainted(source.count, CANNY, size=64), CANNY),
    ]
    with torch.no_grad():
        weight = base.vae.encoder.conv_in.weight
        weight[0, 0, 0, 0] += 1e-3
        folders.append(cache_folder(tmp_path, base, source, CANNY))
        weight[0, 0, 0, 0] -= 1e-3
    assert len(set(folders)) == len(folders)
    assert cache_folder(tmp_path, base, replace(source, count=20), CANNY) == folders[0]


class Repainted(SceneSource):
    """The same description, another renderer."""

    def read(self, indices: object) -> list[Example]:
        return [replace(example, image=255 - example.image) for example in super().read(indices)]  # type: ignore[arg-type]


def test_caches_that_were_filled_before_there_were_other_views_stay_valid(tmp_path: Path) -> None:
    """The folder's name for default settings never changes: a cache of a million pictures takes days to fill."""
    for number in range(4):
        picture = np.zeros((16, 16, 3), np.uint8)
        picture[:, 4 + number :] = 200
        Image.fromarray(picture).save(tmp_path / f"{number}.bmp")
        (tmp_path / f"{number}.txt").write_text(f"a wall left of picture {number}")
    encoder, canny = nn.Linear(2, 3), extraction_of("canny", {})
    for parameter in encoder.parameters():
        nn.init.constant_(parameter, 0.5)
    still = cast(BaseModel, SimpleNamespace(vae=SimpleNamespace(encoder=encoder, quant_conv=None)))
    source = FolderSource.open(tmp_path, None, canny, 16)
    assert cache_folder(tmp_path, still, source, canny).name == "ee2cc608bd847c7fdfdbf76d"
    crops = [source.cut_at_random(RandomCrop(seed, number)) for seed, number in ((0, 0), (0, 1), (1, 0))]
    others = [*crops, source.mirrored(), crops[0].mirrored(), source.part(range(4), (32, 16))]
    folders = [cache_folder(tmp_path, still, other, canny) for other in (source, *others)]
    folders.append(cache_folder(tmp_path, still, source, canny, with_deviation=True))
    assert len(set(folders)) == len(folders)


def test_the_deviation_of_the_latents_is_kept_where_it_is_asked_for(
    tmp_path: Path, base: BaseModel, source: SceneSource
) -> None:
    list(fill(tmp_path / "mean", base, source))
    list(fill(tmp_path / "both", base, source, with_deviation=True))
    mean, both = (EncodedExamples(tmp_path / name, 10)[7] for name in ("mean", "both"))
    assert mean.deviation is None and both.deviation is not None
    assert torch.equal(mean.latent, both.latent) and both.deviation.shape == both.latent.shape
    pixels = torch.from_numpy(source.read([7])[0].image).permute(2, 0, 1)[None] / 127.5 - 1
    samples = base.encode_image(pixels.repeat(100, 1, 1, 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples.std(dim=0), both.deviation, rtol=0.4, atol=1e-3)
    assert (samples.std(dim=0) / both.deviation).mean() == pytest.approx(1, abs=0.03)


def test_what_is_told_of_a_picture_is_cached_with_it(tmp_path: Path, base: BaseModel) -> None:
    Image.new("RGB", (96, 64), "red").save(tmp_path / "one.png")
    source = FolderSource.open(tmp_path, None, CANNY, 64)
    for name, view, sizes in (
        ("plain", source, None),
        ("wide", source.part([0], (96, 64)), (64, 96, 0, 0, 64, 96)),
    ):
        list(fill(tmp_path / name, base, view))
        cached = EncodedExamples(tmp_path / name, 1)[0]
        assert cached.sizes == sizes
        assert cached.latent.shape[1:] == ((8, 8) if sizes is None else (8, 12))
