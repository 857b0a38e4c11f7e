"""What a checkpoint is, read from its keys and shapes without loading its weights: for `zeroconv inspect`."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zeroconv.base.families import MODELS, family_of
from zeroconv.base.files import read_index
from zeroconv.base.single_file.layout import AVERAGE, UNET, layout_of
from zeroconv.conditions import canonical as condition_of
from zeroconv.errors import UserError
from zeroconv.original.names import inside
from zeroconv.original.unet import unet_to_diffusers
from zeroconv.tensor_files import read_about
from zeroconv.weights.adapters import adapter_config, adapter_family, adapter_layout, canonical_adapter, is_adapter
from zeroconv.weights.architecture import OWN_CLASS, encoder_config
from zeroconv.weights.completion import DIFFERENCE, LOW_RANK, full_shapes
from zeroconv.weights.keys import DIFFUSERS_MARK
from zeroconv.weights.loading import canonical
from zeroconv.weights.places import BUILT_IN, CONTROLS, Place, find, folder_place
from zeroconv.weights.sidecar import Sidecar, read_sidecar

# Words in the names of released files that are no names of conditions here.
_WORDS = {"seg": "segmentation", "mlsd": "hough", "softedge": "hed", "openpose": "pose", "normalbae": "normal"}


@dataclass(frozen=True)
class Description:
    """The facts about one checkpoint."""

    source: str
    kind: str
    """ "ControlNet", "T2I-Adapter", "base" or "U-Net"."""
    layout: str
    """ "diffusers folder", "diffusers file", "original file" and what it holds besides, "Control-LoRA" or another."""
    family: str
    """ "tiny", "sd15", "sd21", "sdxl" or "unknown"."""
    parameters: int
    """How many numbers its weights are; of a base those of the U-Net."""
    dtype: str
    """The number types in the file, the most frequent first."""
    condition: str | None
    """What a ControlNet was trained on, where that is recorded or its name tells."""
    facts: Mapping[str, str]
    """What the shapes tell, by name."""
    sidecar: Sidecar | None = None

    def lines(self) -> list[str]:
        """The description as text, one fact a line."""
        rows = {"kind": self.kind, "layout": self.layout, "family": self.family}
        rows["U-Net parameters" if self.kind == "base" else "parameters"] = f"{self.parameters:,}"
        rows["number type"] = self.dtype
        if self.kind in ("ControlNet", "T2I-Adapter"):
            is_guess = self.condition and not (self.sidecar and self.sidecar.base)
            rows["condition"] = (self.condition or "not recorded") + (" (by the file's name)" if is_guess else "")
        rows |= self.facts
        width = max(map(len, rows))
        return [self.source, *(f"  {name:<{width}}  {value}" for name, value in rows.items())]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def describe(source: str | Path) -> Description:
    """Say what a file, folder, built-in name or hub id is; UserError where it is no checkpoint we know."""
    name, path = str(source), Path(source).expanduser()
    if (base := _base_folder(name, path)) is not None:
        return _describe_base(name, base)
    if name not in BUILT_IN and path.is_dir() and _class_name(path) == "UNet2DConditionModel":
        place = folder_place(path, expected=("UNet2DConditionModel",))
        return _described(name, "U-Net", "diffusers folder", place.shapes(), place.config or {})
    place = find(source, CONTROLS)
    return _describe_adapter(name, place) if is_adapter(place) else _describe_file(name, place)


def _base_folder(name: str, path: Path) -> Path | None:
    built_in = MODELS / name
    if name not in BUILT_IN and "/" not in name and (built_in / "model_index.json").is_file():
        return built_in
    return path if (path / "model_index.json").is_file() else None


def _class_name(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "config.json").read_text("utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _describe_base(name: str, folder: Path) -> Description:
    index = read_index(folder)
    place = folder_place(folder / "unet", expected=("UNet2DConditionModel",))
    config = place.config or {}
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    facts = {
        "prediction": str(scheduler.get("prediction_type", "epsilon")),
        "text encoders": str(sum(isinstance(index.get(f"text_encoder{number}"), list) for number in ("", "_2"))),
        "sample size": f"{config.get('sample_size')} latents",
    }
    return _described(name, "base", "diffusers folder", place.shapes(), config, facts)


def _describe_file(name: str, place: Place) -> Description:
    shapes = place.shapes()
    if place.config is None and (found := _describe_without_control(name, place.path, shapes)) is not None:
        return found
    state = canonical(shapes, place.path)
    sidecar = Sidecar(condition=_guess(place.path.name)) if place.config is None else read_sidecar(place.path)
    layout = _layout(place, shapes)
    return _described(name, "ControlNet", layout, full_shapes(state), place.config or {}, _hints(state), sidecar)


def _describe_adapter(name: str, place: Place) -> Description:
    state = canonical_adapter(place.shapes(), place.path)
    config = {**adapter_config(state, place.path), **(place.config or {})}
    return Description(
        source=name,
        kind="T2I-Adapter",
        layout=adapter_layout(place),
        family=adapter_family(config),
        parameters=sum(tensor.numel() for tensor in state.values()),
        dtype=_number_types(state),
        condition=_guess(place.path.name),
        facts={
            "adapter type": config["adapter_type"],
            "condition channels": str(config["in_channels"]),
            "channels": "/".join(map(str, config["channels"])),
            "tensors": str(len(state)),
        },
    )


def _number_types(state: Mapping[str, Tensor]) -> str:
    types = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in state.values())
    return ", ".join(kind for kind, _ in types.most_common())


def _layout(place: Place, shapes: Mapping[str, Tensor]) -> str:
    """How a ControlNet lies on the disk."""
    if place.config is not None:
        own = place.config.get("_class_name") == OWN_CLASS
        return "zeroconv folder, which diffusers cannot run" if own else "diffusers folder"
    for mark, layout in ((LOW_RANK, "Control-LoRA"), (DIFFERENCE, "difference to a base")):
        if mark in shapes:
            return f"{layout}, whole with the weights of its base"
    if DIFFUSERS_MARK in shapes:
        return "diffusers file"
    return "original file with its base" if any(key.startswith(UNET) for key in shapes) else "original file"


def _guess(name: str) -> str | None:
    """The condition that a file's name tells, as control_v11p_sd15_canny.pth does."""
    for word in re.split(r"[^a-z]+", name.lower()):
        try:
            return condition_of(_WORDS.get(word, word))
        except UserError:
            continue
    return None


def _describe_without_control(name: str, path: Path, shapes: Mapping[str, Tensor]) -> Description | None:
    """A file that holds no ControlNet but a base or a U-Net; None where it holds neither."""
    if DIFFUSERS_MARK in shapes or any("control_model." in key for key in shapes):
        return None
    if "conv_out.weight" in shapes and any(key.startswith("up_blocks.") for key in shapes):
        return _described(name, "U-Net", "diffusers file", shapes, {})
    unet = inside(shapes, UNET)
    if "input_blocks.0.0.weight" not in unet:
        return None
    layout = layout_of(shapes, path)
    facts = {"prediction": _prediction(shapes, path, layout.family), "holds": _parts(shapes, layout.missing)}
    if layout.missing:
        facts["missing"] = ", ".join(layout.missing)
    if layout.odd:
        facts["odd names"] = f"{len(layout.odd)}: {', '.join(layout.odd[:3])}"
    return _described(name, "base", "original file", unet_to_diffusers(unet)[0], layout.unet, facts)


def _prediction(shapes: Mapping[str, Tensor], path: Path, family: str) -> str:
    if "v_pred" in shapes:
        return "v_prediction"
    said = read_about(path).get("modelspec.prediction_type")
    return said or ("not recorded: asked of the U-Net when it is loaded" if family == "sd21" else "epsilon")


def _parts(shapes: Mapping[str, Tensor], missing: Sequence[str]) -> str:
    parts = [part for part in ("autoencoder", "text encoder") if not any(part in name for name in missing)]
    has_average = any(key.startswith(AVERAGE + "diffusion_model") for key in shapes)
    return ", ".join(["U-Net", *parts, *(["moving average, which is not used"] if has_average else [])])


def _hints(state: Mapping[str, Tensor]) -> dict[str, str]:
    """What a ControlNet's own weights tell."""
    first = state[DIFFUSERS_MARK]
    halvings = sum(key.startswith("controlnet_cond_embedding.blocks.") and key.endswith("weight") for key in state) // 2
    joints = sum(key.startswith("controlnet_down_blocks.") and key.endswith("weight") for key in state)
    return {
        "condition channels": str(first.shape[1]),
        "pixels per latent": str(2**halvings),
        "zero convolutions": f"{joints} + 1 in the middle",
    }


def _described(
    name: str,
    kind: str,
    layout: str,
    state: Mapping[str, Tensor],
    config: Mapping[str, Any],
    facts: Mapping[str, str] | None = None,
    sidecar: Sidecar | None = None,
) -> Description:
    shape = encoder_config(config, state)
    known = {
        "text width": str(shape.get("cross_attention_dim", "not known")),
        "levels": "/".join(map(str, shape["block_out_channels"])),
        "latent channels": str(shape["in_channels"]),
        "tensors": str(len(state)),
    }
    about = _about(sidecar) if sidecar is not None and sidecar.base else {}
    return Description(
        source=name,
        kind=kind,
        layout=layout,
        family=family_of(shape),
        parameters=sum(tensor.numel() for tensor in state.values()),
        dtype=_number_types(state),
        condition=None if sidecar is None else sidecar.condition,
        facts={**known, **(facts or {}), **about},
        sidecar=sidecar,
    )


def _about(sidecar: Sidecar) -> dict[str, str]:
    """What the sidecar adds for people."""
    options = ", ".join(f"{key}={value}" for key, value in sidecar.condition_options.items())
    rows = {"options": options, "polarity": sidecar.polarity, "variant": sidecar.variant}
    rows["trained on"] = f"{sidecar.base} ({sidecar.base_fingerprint})"
    rows["training"] = ", ".join(f"{k}={v}" for k, v in sidecar.training.items() if isinstance(v, int | float | str))
    return {name: value for name, value in rows.items() if value}
