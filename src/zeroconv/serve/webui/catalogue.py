"""The lists that webui's clients ask for when they start: models, samplers, modules, settings."""

from typing import Any

from zeroconv.serve.models import Models
from zeroconv.serve.webui.modules import CONTROL_TYPES, INVERT, MODULES, NONE, Module, module_names
from zeroconv.serve.webui.samplers import SAMPLERS, SCHEDULES

_DRAWINGS = ("canny", "hough", "lineart", "scribble")
_RESOLUTION = {"name": "Resolution", "value": 512, "min": 64, "max": 2048, "step": 8}
NOTHING: dict[str, Any] = {
    "upscalers": [],
    "latent-upscale-modes": [],
    "hypernetworks": [],
    "face-restorers": [],
    "realesrgan-models": [],
    "prompt-styles": [],
    "sd-vae": [],
    "embeddings": {"loaded": {}, "skipped": {}},
    "cmd-flags": {"api": True},
    "scripts": {"txt2img": ["controlnet"], "img2img": ["controlnet"]},
}
"""Lists of what is not here, or is always the same."""


def sd_models(models: Models) -> list[dict[str, Any]]:
    """The bases; a file name would be a path of the server's, so the name stands for it."""
    return [
        {"title": name, "model_name": name, "hash": None, "sha256": None, "filename": name, "config": None}
        for name in models.bases()
    ]


def samplers() -> list[dict[str, Any]]:
    """Every sampler that can be named; with noise levels behind it where older clients write them so."""
    plain = [{"name": known.name, "aliases": [*known.aliases], "options": {}} for known in SAMPLERS]
    karras = [
        {"name": f"{known.name} Karras", "aliases": [f"{alias}_ka" for alias in known.aliases], "options": {}}
        for known in SAMPLERS
        if known.karras
    ]
    return [*plain, *karras]


def schedulers() -> list[dict[str, Any]]:
    """The noise levels that can be named."""
    return [
        {"name": name.lower(), "label": name, "aliases": None, "default_rho": -1.0, "need_inner_model": False}
        for name in SCHEDULES
    ]


def options(base: str) -> dict[str, Any]:
    """The settings as they are for one client."""
    return {
        "sd_model_checkpoint": base,
        "sd_checkpoint_hash": "",
        "sd_vae": "Automatic",
        "CLIP_stop_at_last_layers": 1,
        "samples_format": "png",
    }


def script_info() -> list[dict[str, Any]]:
    """ControlNet, as the one script there is."""
    return [{"name": "controlnet", "is_alwayson": True, "is_img2img": is_img, "args": []} for is_img in (False, True)]


def module_list(*, alias: bool) -> dict[str, Any]:
    """The preprocessors and their sliders."""
    names = module_names(alias=alias)
    details: list[dict[str, Any]] = [{"model_free": False, "sliders": []}] * 2 + [_detail(module) for module in MODULES]
    return {"module_list": names, "module_detail": dict(zip(names, details, strict=True))}


def _detail(module: Module) -> dict[str, Any]:
    sliders = [
        {"name": slider.label, "value": slider.default, "min": slider.low, "max": slider.high}
        for slider in module.sliders
    ]
    return {"model_free": False, "sliders": [_RESOLUTION, *sliders]}


def control_types(models: Models) -> dict[str, Any]:
    """The preprocessors and ControlNets of each kind of control."""
    everything = {
        "module_list": module_names(),
        "model_list": ["None", *models.controlnets()],
        "default_option": NONE,
        "default_model": "None",
    }
    return {"All": everything, **{tag: _control_type(condition, models) for tag, condition in CONTROL_TYPES.items()}}


def _control_type(condition: str, models: Models) -> dict[str, Any]:
    modules = [module.name for module in MODULES if module.condition == condition]
    fitting = [name for name, info in models.controlnets().items() if info.condition == condition]
    return {
        "module_list": [NONE, *modules, *([INVERT] if condition in _DRAWINGS else [])],
        "model_list": ["None", *fitting],
        "default_option": modules[0],
        "default_model": fitting[0] if fitting else "None",
    }
