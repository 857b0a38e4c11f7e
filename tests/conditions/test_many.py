"""Several pictures at once are what each is alone, and every network runs where it is told to."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import published_annotators as published
from published_annotators import ANNOTATORS, needs_data
from zeroconv import conditions
from zeroconv.conditions import Hough, LineArt, SoftEdge, device, weight_files
from zeroconv.conditions.networks import hed
from zeroconv.errors import UserError

SIZES = ((41, 75), (64, 64), (41, 75), (33, 70), (64, 64), (41, 75))


def pictures() -> list[np.ndarray]:
    """Different pictures, of which two are grey and one has an alpha channel."""
    dice = np.random.default_rng(0)
    channels = (3, 3, 1, 3, 4, 3)
    return [dice.integers(0, 256, (*size, count), dtype=np.uint8) for size, count in zip(SIZES, channels, strict=True)]


@pytest.fixture
def options(tiny_networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, object]]:
    """The options with which a condition finds its random network; pictures are seen small."""
    files = {
        "hed": ("ControlNetHED.pth", published.hed, {"model": "hed"}),
        "lineart": ("sk_model.pth", published.line_drawing, {}),
        "hough": ("mlsd_large_512_fp32.pth", published.mlsd_large, {"value": 0.0}),
    }
    for extractor in (SoftEdge, LineArt, Hough):
        monkeypatch.setattr(extractor, "native_resolution", 64)

    def chosen(name: str) -> dict[str, object]:
        if name not in files:
            return {"weights": str(tiny_networks / name)}
        file, layout, others = files[name]
        return {"method": "network", "weights": str(published.write(tmp_path, file, layout)), **others}

    return chosen


def are_alike(name: str, options: dict[str, object]) -> None:
    alone = conditions.create(name, **options)
    together = conditions.annotate_many(name, pictures(), options)
    for made, image in zip(together, pictures(), strict=True):
        expected = alone(image)
        assert made.shape == expected.shape and made.dtype == np.uint8
        differs = np.abs(made.astype(int) - expected) > 1
        assert differs.mean() <= (1e-3 if name in ("segmentation", "hough") else 0)  # these jump where two are equal
        assert np.ptp(made) > 0


@pytest.mark.parametrize("name", ["hed", "lineart", "hough", "depth", "segmentation"])
def test_many_are_what_each_is_alone(name: str, options: Callable[[str], dict[str, object]]) -> None:
    assert isinstance(conditions.create(name), conditions.ReadsMany)
    are_alike(name, options(name))


@needs_data
def test_many_by_pidinet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SoftEdge, "native_resolution", 128)
    are_alike("hed", {"method": "network", "weights": str(ANNOTATORS / "pidinet")})


@pytest.mark.parametrize("name", ["hed", "lineart", "hough", "canny"])
def test_algorithms_take_one_after_the_other(name: str) -> None:
    for made, image in zip(conditions.annotate_many(name, pictures()), pictures(), strict=True):
        assert np.array_equal(made, conditions.create(name)(image))


def test_pictures_of_one_size_are_seen_side_by_side(options: Callable[[str], dict[str, object]]) -> None:
    given = options("hed")
    network = weight_files.load(weight_files.WeightFile("ControlNetHED.pth"), str(given["weights"]), hed.build, "auto")
    seen: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    conditions.annotate_many("hed", pictures(), given)
    assert seen == [(4, 3, 64, 128), (2, 3, 64, 64)]  # 41x75 and 33x70 are scaled to one size


def test_no_pictures_are_no_images() -> None:
    assert conditions.annotate_many("hed", []) == conditions.annotate_many("canny", []) == []


def test_a_doubt_is_told_once() -> None:
    flat = np.full((16, 16, 3), 90, np.uint8)
    with pytest.warns(UserWarning, match="canny image is empty") as told:
        conditions.annotate_many("canny", [flat, flat])
    assert len(told) == 1


NETWORKS = [
    ("hed", "network"), ("hough", "network"), ("scribble", "network"), ("lineart", "network"), ("depth", "network"),
    ("normal", "network"), ("segmentation", "network"), ("pose", "network"), ("pose", "openpose"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "method"), NETWORKS)
def test_a_device_that_is_not_there_is_one_sentence(name: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any weights are looked for."""
    monkeypatch.setattr(device, "_accelerators", list)
    with pytest.raises(UserError, match=r"^device=mps: .* expected auto or cpu$"):
        conditions.create(name, method=method, device="mps")(published.noise(64, 64))


@pytest.mark.parametrize("name", ["hed", "depth"])
def test_the_network_stands_on_the_device(
    name: str, options: Callable[[str], dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch calls meta is a device everywhere, which answers nothing: it shows where the network was put."""
    monkeypatch.setattr(device, "_accelerators", lambda: ["meta"])
    image = published.noise(64, 64)
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        conditions.create(name, **options(name))(image)
    assert conditions.create(name, device="cpu", **options(name))(image).any()


def test_where_a_network_runs_is_not_on_record() -> None:
    there, anywhere = (conditions.create("hed", device=name) for name in ("cpu", "auto"))
    assert conditions.recorded(there) == conditions.recorded(anywhere)
    assert "device" not in conditions.recorded(there) and "sigma" in conditions.recorded(there)
    assert there == anywhere


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["hed", "lineart", "depth", "segmentation"])
def test_cuda_says_what_the_cpu_says(name: str, options: Callable[[str], dict[str, object]]) -> None:
    given = options(name)
    made = [conditions.annotate_many(name, pictures(), {**given, "device": where}) for where in ("cpu", "cuda")]
    for here, there in zip(*made, strict=True):
        assert (np.abs(here.astype(int) - there) > 3).mean() < 0.01
