"""A base's parts from a single file, without a network: every weight the networks ask for must be in the file.

Source: the files of Stable Diffusion 1.x and 2.x (arXiv 2112.10752) and SDXL (arXiv 2307.01952).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zeroconv.base.files import Parts, quiet_libraries, said_plainly
from zeroconv.base.single_file.configs import SAMPLE_SIZE_OF_VELOCITY, autoencoder_config, scheduler_of, text_config
from zeroconv.base.single_file.layout import AUTOENCODER, UNET, Layout, check_complete, layout_of
from zeroconv.base.single_file.prediction import guess_prediction
from zeroconv.base.single_file.vocabulary import find_vocabulary
from zeroconv.errors import UserError
from zeroconv.original.autoencoder import autoencoder_to_diffusers
from zeroconv.original.names import highest, inside
from zeroconv.original.text_encoders import open_clip_to_transformers
from zeroconv.original.unet import unet_to_diffusers
from zeroconv.tensor_files import read_about, read_tensors

LAST_TIMESTEP = 999


def read_single_file(
    path: Path, dtype: torch.dtype, *, tokenizer: str | Path | None = None, prediction: str | None = None
) -> Parts:
    """Read a base's file in `dtype`, whatever number type it has; UserError says what is missing or does not fit.

    tokenizer: folder of CLIP's vocabulary, None: where `find_vocabulary` looks. prediction: "epsilon" or
    "v_prediction"; None: what the file says of itself, else noise, but for SD 2.x what the U-Net answers.
    """
    networks = read_networks(path, dtype)
    vocabulary = find_vocabulary(tokenizer)
    layout, unet = networks.layout, networks.unet
    predicted, reason = (prediction, "") if prediction else _prediction(layout, networks.marks, path, unet)
    if layout.family == "sd21" and predicted == "v_prediction":
        unet.register_to_config(sample_size=SAMPLE_SIZE_OF_VELOCITY)
    return Parts(
        unet=unet,
        vae=networks.vae,
        text_encoders=networks.text_encoders,
        tokenizers=tuple(
            vocabulary.tokenizer(kind, encoder.config.max_position_embeddings)
            for (kind, _), encoder in zip(layout.text_encoders, networks.text_encoders, strict=True)
        ),
        scheduler=scheduler_of(layout.is_xl, predicted, "ztsnr" in networks.marks),
        zeros_for_no_negative=layout.is_xl,
        notes=_notes(path, layout, vocabulary.source, predicted, reason),
    )


@dataclass(frozen=True)
class Networks:
    """The networks of a base's file."""

    layout: Layout
    unet: Any
    vae: Any
    text_encoders: tuple[Any, ...]
    marks: frozenset[str]
    """Names in the file that say something by being there."""


def read_networks(path: Path, dtype: torch.dtype = torch.float32) -> Networks:
    """The networks of a base's file, for which no vocabulary is needed."""
    state = read_tensors(path)
    layout = layout_of(state, path)
    check_complete(layout, path)
    unet = _unet(layout, state, path, dtype)
    overflows = layout.is_xl and dtype == torch.float16
    vae = _autoencoder(state, path, torch.float32 if overflows else dtype, layout.is_xl)
    with quiet_libraries():
        encoders = tuple(
            _text_encoder(kind, inside(state, prefix), path, dtype, is_projected=layout.is_xl and number == 1)
            for number, (kind, prefix) in enumerate(layout.text_encoders)
        )
    return Networks(layout, unet, vae, encoders, frozenset({"v_pred", "ztsnr"} & state.keys()))


def _notes(path: Path, layout: Layout, vocabulary: str, prediction: str, reason: str) -> tuple[str, ...]:
    """What was found and decided, in sentences."""
    notes = [f"{path.name}: {layout.in_words}; CLIP's vocabulary from {vocabulary}"]
    if reason:
        notes.append(f"it is taken to predict {prediction}: {reason}; --prediction says otherwise")
    if layout.odd:
        some = ", ".join(layout.odd[:3]) + (", ..." if len(layout.odd) > 3 else "")
        notes.append(f"{len(layout.odd)} of its weights belong to no base and are left out: {some}")
    return tuple(notes)


def _unet(layout: Layout, state: Mapping[str, Tensor], path: Path, dtype: torch.dtype) -> Any:
    from diffusers import UNet2DConditionModel

    weights, _ = unet_to_diffusers(inside(state, UNET))
    return _filled(lambda: UNet2DConditionModel(**layout.unet), weights, f"{path}: the U-Net", dtype)


def _autoencoder(state: Mapping[str, Tensor], path: Path, dtype: torch.dtype, is_xl: bool) -> Any:
    from diffusers import AutoencoderKL

    weights, _ = autoencoder_to_diffusers(inside(state, AUTOENCODER))
    config = autoencoder_config(weights, is_xl)
    return _filled(lambda: AutoencoderKL(**config), weights, f"{path}: the autoencoder", dtype)


def _filled(build: Callable[[], Any], weights: Mapping[str, Tensor], what: str, dtype: torch.dtype) -> Any:
    """The network with its weights, copied to memory of their own; every key and shape must agree."""
    with torch.device("meta"):
        network = build()
    wanted = network.state_dict()
    if missing := sorted(wanted.keys() - weights.keys()):
        raise UserError(f"{what} lacks {len(missing)} of its weights, the first: {missing[0]}.")
    for key, value in wanted.items():
        if value.shape != weights[key].shape:
            shapes = f"expected {tuple(value.shape)}, got {tuple(weights[key].shape)}"
            raise UserError(f"{what} does not fit together at {key}: {shapes}.")
    network.load_state_dict({key: weights[key].to(dtype, copy=True).contiguous() for key in wanted}, assign=True)
    return network.eval()


def _text_encoder(kind: str, state: Mapping[str, Tensor], path: Path, dtype: torch.dtype, *, is_projected: bool) -> Any:
    """CLIP or OpenCLIP as transformers' network. What SD 2.x never reads of OpenCLIP, its last layer, is left out."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    if kind == "open_clip":
        weights, _ = open_clip_to_transformers(state if is_projected else without_last_layer(state))
    else:  # some early files leave the first part of the names out
        weights = {key if key.startswith("text_model.") else f"text_model.{key}": state[key] for key in state}
    if not is_projected:
        weights.pop("text_projection.weight", None)
    weights = {key: value.to(dtype, copy=True).contiguous() for key, value in weights.items()}
    library = CLIPTextModelWithProjection if is_projected else CLIPTextModel
    with said_plainly(path):
        config = CLIPTextConfig(**text_config(weights, kind))
        network, report = library.from_pretrained(
            None, config=config, state_dict=weights, dtype=dtype, output_loading_info=True
        )
    missing = sorted(key for key in report["missing_keys"] if not key.endswith("position_ids"))
    if missing:
        raise UserError(f"{path}: a text encoder lacks {len(missing)} of its weights, the first: {missing[0]}.")
    return network.eval()


def without_last_layer(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """OpenCLIP as SD 2.x reads it: its last layer off, where it is whole, which its projection says."""
    last = highest(state, r"transformer\.resblocks\.(\d+)\.")
    is_whole = "text_projection" in state
    return {key: state[key] for key in state if not (is_whole and key.startswith(f"transformer.resblocks.{last}."))}


def _prediction(layout: Layout, marks: Collection[str], path: Path, unet: Any) -> tuple[str, str]:
    """What the U-Net predicts, and why that is believed; no reason where it goes without saying."""
    if "v_pred" in marks:
        return "v_prediction", "the file has the mark v_pred"
    if said := read_about(path).get("modelspec.prediction_type"):
        return "v_prediction" if said.startswith("v") else "epsilon", f"the file's metadata says {said!r}"
    if layout.is_xl or not layout.unet["use_linear_projection"]:
        return "epsilon", ""
    timestep = torch.tensor([LAST_TIMESTEP])
    text = torch.zeros(1, 1, layout.unet["cross_attention_dim"], dtype=unet.dtype)
    channels = layout.unet["in_channels"]
    return guess_prediction(lambda noise: unet(noise.to(unet.dtype), timestep, text, return_dict=False)[0], channels)
