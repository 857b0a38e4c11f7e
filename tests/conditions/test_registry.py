"""Names and aliases of the conditions, and that every one made from pictures keeps the registry's promises."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from zeroconv import conditions, fields
from zeroconv.conditions.registry import picture
from zeroconv.errors import UserError

Make = Callable[[str], conditions.Extractor]

NINE = ("canny", "hough", "hed", "scribble", "pose", "segmentation", "depth", "normal", "lineart")


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_the_papers_nine_come_first_then_those_of_1_1() -> None:
    assert conditions.names()[:9] == NINE
    assert set(conditions.names()[9:]) == {"custom", "shuffle", "tile", "blur", "inpaint", "grey"}


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mlsd", "hough"),
        ("softedge", "hed"),
        ("openpose", "pose"),
        ("seg", "segmentation"),
        ("normalbae", "normal"),
        ("Canny", "canny"),
        ("soft_edge", "hed"),
        ("midas", "depth"),
        ("gray", "grey"),
        ("recolor", "grey"),
        ("inpainting", "inpaint"),
        ("tile_resample", "tile"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert conditions.canonical(alias) == name
    assert conditions.kind(alias).name == name


def test_no_spelling_means_two_conditions() -> None:
    spellings = [spelling for name in conditions.names() for spelling in (name, *conditions.kind(name).aliases)]
    assert len(spellings) == len(set(spellings))


def test_an_unknown_condition_names_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown condition 'cany'; did you mean 'canny'"):
        conditions.canonical("cany")


def test_a_condition_without_extractor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from zeroconv.conditions import registry

    monkeypatch.setattr(registry, "_KINDS", {"heat": conditions.Kind("heat", (), "hot is bright", "linear")})
    with pytest.raises(UserError, match=r"heat cannot be made from a picture yet .*ready=yes"):
        conditions.create("heat")


def test_unknown_options_name_the_nearest() -> None:
    with pytest.raises(UserError, match="canny has no option 'lo'; did you mean 'low'"):
        conditions.create("canny", lo=3)


@pytest.fixture(scope="session")
def make(tiny_networks: Path) -> Make:
    """Makes a condition; those that need weights get tiny random networks from folders."""
    options = {
        "depth": {"weights": tiny_networks / "depth"},
        "normal": {"weights": tiny_networks / "depth"},
        "segmentation": {"weights": tiny_networks / "segmentation"},
        "pose": {"weights": tiny_networks / "pose", "detector": tiny_networks / "detector", "confidence": 0.0},
    }
    return lambda name: conditions.create(name, **{k: str(v) for k, v in options.get(name, {}).items()})


@pytest.mark.parametrize("name", conditions.extractable())
class TestEveryExtractor:
    """Property 7 of the house: held by every registered condition."""

    def test_declares_what_a_network_must_know(self, make: Make, name: str) -> None:
        extractor = make(name)
        assert extractor.value_range == ((-1.0, 1.0) if name == "inpaint" else (0.0, 1.0))
        assert extractor.channel_order == "RGB"
        assert extractor.resize_filter in ("nearest", "linear")
        assert extractor.native_resolution is None or extractor.native_resolution > 0
        assert extractor.polarity

    def test_every_option_is_documented(self, make: Make, name: str) -> None:
        assert all(option.help for option in fields.options(type(make(name))))

    @pytest.mark.parametrize("shape", [(64, 64), (33, 65), (1, 1), (2, 97)])
    def test_keeps_shape_and_type(self, make: Make, name: str, shape: tuple[int, int]) -> None:
        if shape == (2, 97) and name in ("depth", "normal", "pose"):  # at a network's size it has no height left
            with pytest.raises(UserError, match="97x2 pixels cannot be prepared"):
                make(name)(noise(*shape))
            return
        made = make(name)(noise(*shape))
        assert made.shape == (*shape, 3)
        assert made.dtype == np.uint8

    def test_is_deterministic_and_leaves_its_input(self, make: Make, name: str) -> None:
        image = noise(40, 50)
        before = image.copy()
        assert np.array_equal(make(name)(image), make(name)(image))
        assert np.array_equal(image, before)

    def test_accepts_grey_and_alpha(self, make: Make, name: str) -> None:
        grey = noise(40, 50, 1)
        three = np.repeat(grey, 3, axis=2)
        opaque = np.concatenate([three, np.full_like(grey, 255)], axis=2)
        extractor = make(name)
        for same in (grey, grey[:, :, 0], opaque):
            assert np.array_equal(extractor(same), extractor(three))

    def test_accepts_views(self, make: Make, name: str) -> None:
        image = noise(40, 50)
        mirrored = image[:, ::-1]
        assert np.array_equal(make(name)(mirrored), make(name)(mirrored.copy()))

    def test_refuses_floats_and_odd_channels(self, make: Make, name: str) -> None:
        for wrong in (np.zeros((8, 8, 3)), noise(8, 8, 2), np.zeros(8, dtype=np.uint8)):
            with pytest.raises(UserError, match="expected a uint8 picture"):
                make(name)(wrong)


def test_alpha_is_laid_on_white() -> None:
    clear = np.zeros((1, 2, 4), dtype=np.uint8)
    clear[0, 1, 3] = 255
    assert picture(clear)[0].tolist() == [[255, 255, 255], [0, 0, 0]]


def test_an_empty_result_warns() -> None:
    with pytest.warns(UserWarning, match="canny image is empty"):
        conditions.annotate("canny", np.full((16, 16, 3), 90, dtype=np.uint8))


def test_a_good_result_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert conditions.annotate("canny", noise(16, 16), {"low": "50"}).any()


def test_doubts_about_inverted_drawings() -> None:
    drawing = np.zeros((10, 10, 3), dtype=np.uint8)
    drawing[5] = 255
    assert conditions.doubts("canny", drawing) == ()
    assert "inverted" in conditions.doubts("canny", 255 - drawing)[0]
    assert conditions.doubts("depth", 255 - drawing) == ()
    assert "empty" in conditions.doubts("depth", np.zeros_like(drawing))[0]


def test_registering_keeps_the_aliases_people_know(monkeypatch: pytest.MonkeyPatch) -> None:
    from zeroconv.conditions import registry

    monkeypatch.setattr(registry, "_KINDS", dict(registry._KINDS))

    @conditions.condition("depth", aliases=("far",))
    @dataclass(frozen=True)
    class Depth:
        """A stand-in."""

        gain: float = 1.0
        """How much."""
        value_range = (0.0, 1.0)
        polarity = "near is bright"
        channel_order = "RGB"
        resize_filter = "linear"
        native_resolution = 384

        def __call__(self, image: np.ndarray) -> np.ndarray:
            return image

    assert conditions.canonical("far") == conditions.canonical("midas") == "depth"
    assert conditions.create("midas", gain="0.5") == Depth(0.5)
    assert "depth" in conditions.extractable()
