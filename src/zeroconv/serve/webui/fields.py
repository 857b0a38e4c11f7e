"""webui's fields that have no counterpart here: those that would change the picture are refused, others are said."""

from collections.abc import Mapping
from typing import Any

from zeroconv.errors import UserError
from zeroconv.serve.webui.schema import Txt2Img

_REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "enable_hr": ((False,), "there is no second pass (hires fix) here; ask for the final size, or use img2img"),
    "restore_faces": ((False,), "there is no restoration of faces here"),
    "tiling": ((False,), "there are no tiling pictures here"),
    "styles": (([],), "there are no stored styles here; write them into the prompt"),
    "subseed_strength": ((0, -1), "there are no variation seeds here"),
    "seed_resize_from_h": ((0, -1), "seeds cannot be resized here"),
    "seed_resize_from_w": ((0, -1), "seeds cannot be resized here"),
    "script_name": (("", "none"), "there are no scripts here"),
    "refiner_checkpoint": (("", "none"), "there is no refiner here"),
    "refiner_switch_at": ((0, 1), "there is no refiner here"),
    "infotext": (("",), "no request is read from an infotext here; png-info gives its fields"),
    "s_churn": ((0,), "samplers add no extra noise here (s_churn)"),
    "s_noise": ((0, 1), "samplers add the noise they are made for here (s_noise)"),
    "s_min_uncond": ((0,), "no step leaves out the negative prompt here (s_min_uncond)"),
}
"""Field -> the values that change nothing, and why others are refused."""

_WITHOUT_MEANING = {
    *("subseed", "denoising_strength", "firstphase_width", "firstphase_height", "image_cfg_scale"),
    *("do_not_save_samples", "do_not_save_grid", "save_images", "override_settings_restore_afterwards"),
    *("script_args", "eta", "s_tmax", "s_tmin", "initial_noise_multiplier", "inpaint_full_res_padding"),
    *("force_task_id", "comments", "disable_extra_networks", "latent_mask", "mask_round", "mask_blur_x", "mask_blur_y"),
}
"""Fields that clients send with every request, and that mean nothing while those above are as they should be."""

_SETTING = "sd_model_checkpoint"
_REFUSED_SETTINGS: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "CLIP_stop_at_last_layers": ((1,), "the text encoder's last layer is read here (clip skip 1)"),
    "sd_vae": (("automatic", "none", ""), "a base has its own autoencoder here"),
    "eta_noise_seed_delta": ((0,), "noise comes from the seed alone here"),
}
_SETTINGS_WITHOUT_MEANING = {"samples_format": ("png",)}


def check_fields(asked: Txt2Img) -> tuple[str, ...]:
    """What has no effect, in sentences; UserError for what would make another picture."""
    extra = asked.model_extra or {}
    _refuse(_REFUSED, extra)
    _refuse(_REFUSED_SETTINGS, asked.override_settings)
    known = {*_REFUSED, *_WITHOUT_MEANING}
    fields = [name for name in extra if name not in known and not name.startswith("hr_")]
    settings = [name for name in asked.override_settings if name != _SETTING and name not in _REFUSED_SETTINGS]
    return (*_without_effect("fields", fields), *_without_effect("settings", settings), *_eta(asked, extra))


def check_settings(settings: Mapping[str, Any]) -> None:
    """UserError for one of webui's settings that cannot be set here."""
    _refuse(_REFUSED_SETTINGS, settings)
    for name, value in settings.items():
        if name not in (_SETTING, *_REFUSED_SETTINGS) and value not in _SETTINGS_WITHOUT_MEANING.get(name, ()):
            raise UserError(f"the setting {name[:60]!r} cannot be changed here; {_SETTING} can")


def _refuse(refused: Mapping[str, tuple[tuple[Any, ...], str]], given: Mapping[str, Any]) -> None:
    for name, (harmless, sentence) in refused.items():
        value = given.get(name)
        value = value.lower() if isinstance(value, str) else value
        if value is not None and value not in harmless:
            raise UserError(f"{name}: {sentence}")


def _eta(asked: Txt2Img, extra: Mapping[str, Any]) -> tuple[str, ...]:
    """Which share of fresh noise a sampler adds is its own here: 1 for the ancestral ones, 0 for DDIM."""
    name, eta = (asked.sampler_name or asked.sampler_index or "").lower(), extra.get("eta")
    own = 0 if name == "ddim" else 1
    if eta is None or eta == own or not (name == "ddim" or name.endswith(" a")):
        return ()
    return (f"eta has no effect here: it is {own} for this sampler",)


def _without_effect(what: str, names: list[str]) -> tuple[str, ...]:
    shown = ", ".join(sorted(name[:60] for name in names)[:20])
    return (f"{what} without effect here: {shown}",) if names else ()
