"""webui's preprocessors ("modules") by our conditions: its depth_midas is depth, its softedge_hed is hed.

Names and sliders as sd-webui-controlnet lists them (/controlnet/module_list). Where webui runs a network of its own,
ours may be another: the module then says so, and the answer with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zeroconv.errors import UserError, nearest


@dataclass(frozen=True)
class Slider:
    """One of the two numbers a unit carries for its module."""

    option: str
    """Which of the condition's options it sets."""
    label: str
    default: float
    low: float
    high: float
    is_whole: bool = False

    def value(self, given: float | None) -> float | int:
        """What the option becomes: the default where nothing is given, or nothing that the slider has, as in webui."""
        number = given if given is not None and self.has(given) else self.default
        return round(number) if self.is_whole else number

    def has(self, given: float) -> bool:
        """Whether the number lies on the slider."""
        return self.low <= given <= self.high


@dataclass(frozen=True)
class Module:
    """One preprocessor by webui's name."""

    name: str
    condition: str
    alias: str | None = None
    """The name that its page shows."""
    options: Mapping[str, Any] = field(default_factory=dict)
    sliders: tuple[Slider, ...] = ()
    """Of threshold_a and threshold_b, in this order."""
    is_same: bool = False
    """Whether webui computes the same by the same means."""


_CANNY = (
    Slider("low", "Canny Low Threshold", 100, 1, 255, True),
    Slider("high", "Canny High Threshold", 200, 1, 255, True),
)
_GAMMA = (Slider("gamma", "Gamma Correction", 1.0, 0.1, 2.0),)

MODULES = (
    Module("canny", "canny", sliders=_CANNY, is_same=True),
    Module("depth", "depth", "depth_midas"),
    *(Module(name, "depth") for name in ("depth_zoe", "depth_leres", "depth_leres++", "depth_anything")),
    Module("depth_anything_v2", "depth"),
    Module("normal_map", "normal", "normal_midas"),
    Module("normal_bae", "normal", "normalbae"),
    Module("openpose", "pose", options={"hands": False, "face": False}),
    Module("openpose_hand", "pose", options={"hands": True, "face": False}),
    Module("openpose_face", "pose", options={"hands": False, "face": True}),
    Module("openpose_full", "pose", options={"hands": True, "face": True}),
    Module("dw_openpose_full", "pose", options={"hands": True, "face": True}),
    Module("hed", "hed", "softedge_hed"),
    Module("hed_safe", "hed", "softedge_hedsafe", {"safe": True}),
    Module("pidinet", "hed", "softedge_pidinet"),
    Module("pidinet_safe", "hed", "softedge_pidisafe", {"safe": True}),
    Module("scribble_hed", "scribble", options={"source": "edges"}),
    Module("pidinet_scribble", "scribble", "scribble_pidinet", {"source": "edges"}),
    Module("scribble_xdog", "scribble", options={"source": "xdog"}),
    Module("lineart", "lineart", "lineart_realistic"),
    Module("lineart_coarse", "lineart"),
    Module("lineart_anime", "lineart"),
    Module("lineart_standard", "lineart", "lineart_standard (from white bg & black line)"),
    Module("mlsd", "hough"),
    Module("segmentation", "segmentation", "seg_ufade20k"),
    Module("oneformer_ade20k", "segmentation", "seg_ofade20k"),
    Module("shuffle", "shuffle"),
    Module("tile_resample", "tile", sliders=(Slider("factor", "Down Sampling Rate", 1.0, 1.0, 8.0),)),
    Module("blur_gaussian", "blur", sliders=(Slider("sigma", "Sigma", 9.0, 0.01, 64.0),), is_same=True),
    Module("recolor_luminance", "grey", options={"value": "luminance"}, sliders=_GAMMA, is_same=True),
    Module("recolor_intensity", "grey", options={"value": "intensity"}, sliders=_GAMMA, is_same=True),
)

NONE = "none"
INVERT = "invert"
_INVERT_ALIAS = "invert (from white bg & black line)"
_READY = {NONE: NONE, "": NONE, INVERT: INVERT, _INVERT_ALIAS: INVERT}

CONTROL_TYPES = {
    "Canny": "canny",
    "Depth": "depth",
    "NormalMap": "normal",
    "OpenPose": "pose",
    "MLSD": "hough",
    "Lineart": "lineart",
    "SoftEdge": "hed",
    "Scribble": "scribble",
    "Segmentation": "segmentation",
    "Shuffle": "shuffle",
    "Tile": "tile",
    "Blur": "blur",
    "Recolor": "grey",
}
"""webui's groups of preprocessors, by our condition."""


def find_module(name: str | None) -> Module | str:
    """The module, or NONE or INVERT where the picture is the condition already; UserError with the nearest name."""
    wanted = (name or NONE).strip().lower()
    if wanted in _READY:
        return _READY[wanted]
    for module in MODULES:
        if wanted in (module.name, module.alias):
            return module
    raise UserError(f"there is no module {name!r} here; {nearest(wanted, module_names())}")


def module_names(*, alias: bool = False) -> list[str]:
    """Every module, by its name or by the one that webui's page shows."""
    own = [module.alias if alias and module.alias else module.name for module in MODULES]
    return [NONE, _INVERT_ALIAS if alias else INVERT, *own]


def module_options(module: Module, threshold_a: float | None, threshold_b: float | None) -> dict[str, Any]:
    """The condition's options for the two numbers that a unit carries."""
    numbers = (threshold_a, threshold_b)
    slid = {slider.option: slider.value(given) for slider, given in zip(module.sliders, numbers, strict=False)}
    return {**module.options, **slid}
