"""Normals by a diffusion model: what it says arrives in our colours, the same every time, at the picture's size."""

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import diffusers
import huggingface_hub
import numpy as np
import pytest
import torch

from published_annotators import noise
from tinybases import random_pipeline, random_unet, write_tokenizer
from zeroconv import conditions
from zeroconv.conditions import Normal, installed, marigold_tier
from zeroconv.errors import UserError
from zeroconv.perception import marigold

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random MarigoldNormalsPipeline with the parts of SD 2.1, as diffusers writes it."""
    place = tmp_path_factory.mktemp("marigold")
    parts = random_pipeline("sd21", place).components
    chosen = {name: parts[name] for name in ("vae", "scheduler", "text_encoder", "tokenizer")}
    pipeline = diffusers.MarigoldNormalsPipeline(
        random_unet("sd21", in_channels=8),
        **chosen,
        prediction_type="normals",
        default_denoising_steps=2,
        default_processing_resolution=64,
    )
    pipeline.save_pretrained(place)
    write_tokenizer(place / "tokenizer")
    return place


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyproject.toml declares, whether or not the package was installed since."""
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    group = declared["project"]["entry-points"][installed.GROUP]
    points = {name: EntryPoint(name, place, installed.GROUP) for name, place in group.items()}
    monkeypatch.setattr(installed, "entry_points", lambda group, name: [points[name]])
    marigold_tier.painter.cache_clear()


def say(field: np.ndarray, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the autoencoder of the pipeline decode this (H, W, 3), in the model's own axes."""
    pipeline = marigold._pipeline(folder.resolve(), CPU)
    decoded = torch.from_numpy(field.astype(np.float32)).permute(2, 0, 1)[None]
    monkeypatch.setattr(pipeline.vae, "decode", lambda *_, **__: (decoded.clone(),))


def test_right_up_and_front_are_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers' axes are right, up, towards the viewer; a ball is red on its left, green on top, blue in front."""
    y, x = np.mgrid[1:-1:64j, -1:1:64j]
    front = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    say(np.stack([x, y, front], axis=2), folder, monkeypatch)
    made = Normal(method="marigold", weights=str(folder), device="cpu")(noise(64, 64))
    left, right, top, bottom = made[32, 6], made[32, 57], made[6, 32], made[57, 32]
    assert left[0] > 200 and right[0] < 55 and top[1] > 200 and bottom[1] < 55
    assert abs(int(left[1]) - 128) < 8 and abs(int(top[0]) - 128) < 8
    assert made[32, 32, 2] > 250 and (made[20:44, 20:44, 2] > 200).all()
    reversed_ = Normal(method="marigold", weights=str(folder), channels="BGR", device="cpu")(noise(64, 64))
    assert np.array_equal(reversed_, made[:, :, ::-1])


@pytest.mark.parametrize("size", [(64, 64), (33, 65), (100, 40), (1, 1)])
def test_the_size_is_the_pictures_and_every_vector_has_length_one(size: tuple[int, int], folder: Path) -> None:
    found = marigold.normals(noise(*size), str(folder), CPU)
    assert found.shape == (*size, 3) and found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=2), 1, atol=1e-4)


def test_it_is_deterministic_and_depends_on_the_picture(folder: Path) -> None:
    normal = Normal(method="marigold", weights=str(folder), device="cpu")
    made = normal(noise(48, 64))
    torch.manual_seed(7)
    assert np.array_equal(normal(noise(48, 64)), made)
    assert not np.array_equal(normal(255 - noise(48, 64)), made)
    grey = noise(48, 64)[:, :, :1]
    assert np.array_equal(normal(grey), normal(np.repeat(grey, 3, axis=2)))


def test_it_is_what_diffusers_makes_of_the_folder(folder: Path) -> None:
    theirs = diffusers.MarigoldNormalsPipeline.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False)
    theirs.set_progress_bar_config(disable=True)
    given = noise(48, 64).astype(np.float32) / 255
    expected = theirs(given[None], generator=torch.Generator().manual_seed(0)).prediction[0]
    assert np.abs(marigold.normals(noise(48, 64), str(folder), CPU) - expected).max() < 1e-4


def test_other_pipelines_are_refused(folder: Path, tmp_path: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text()) | {"_class_name": "MarigoldDepthPipeline"}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"no network for normals: expected a MarigoldNorm.*got MarigoldDepthPipeline"):
        marigold.normals(noise(64, 64), str(tmp_path), CPU)


def test_values_that_are_not_finite_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(np.full((64, 64, 3), np.nan), folder, monkeypatch)
    with pytest.raises(UserError, match="not finite"):
        marigold.normals(noise(64, 64), str(folder), CPU)


def test_a_strip_that_vanishes_is_told(folder: Path) -> None:
    with pytest.raises(UserError, match="65x1 pixels cannot be painted"):
        marigold.normals(noise(1, 65), str(folder), CPU)


def offline(*_: object, **options: object) -> str:
    raise OSError("no connection.\nmore")


@pytest.mark.parametrize("weights", ["", "./nowhere", "a/b/c"])
def test_missing_weights_are_one_sentence(weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", offline)
    with pytest.raises(UserError) as told:
        conditions.create("normal", method="marigold", weights=weights)(noise(64, 64))
    said = str(told.value)
    assert marigold_tier.WEIGHTS == marigold.EXAMPLE and marigold.EXAMPLE in said and "method=algorithm" in said
    assert "\n" not in said
    assert ("no connection" in said and "hf download" in said) if not weights else f"no network at {weights!r}" in said


def test_a_missing_entry_point_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "entry_points", lambda **_: ())
    with pytest.raises(UserError, match=r"method=marigold needs the package to be installed anew"):
        Normal(method="marigold")(noise(64, 64))
