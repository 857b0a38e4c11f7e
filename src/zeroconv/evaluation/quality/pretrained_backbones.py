"""Backbones of transformers, from a folder or the hub: CLIP, which also reads texts, and DINO.

F features.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from zeroconv.conditions import pretrained
from zeroconv.conditions.device import Device
from zeroconv.errors import UserError
from zeroconv.evaluation.frechet import Features
from zeroconv.evaluation.held_out import Picture
from zeroconv.evaluation.quality.backbone import Backbone, as_features

CLIP = "openai/clip-vit-large-patch14"
"""The CLIP on whose embeddings the aesthetic score was trained, and Stable Diffusion 1.5 too."""
DINO = "facebook/dinov2-large"

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
_INPUT = "as its preprocessor_config.json says, through Pillow"


def clip(weights: str, device: Device) -> Backbone:
    """CLIP (Radford et al., arXiv 2103.00020): the projected embeddings of pictures and of texts, not normalised."""
    found = _load("CLIPModel", weights or CLIP, "clip", CLIP, device, also=_TOKENIZER)
    tokenizer = _tokenizer(found.model.name_or_path)
    length = found.model.config.text_config.max_position_embeddings

    def read(pictures: Sequence[Picture]) -> Features:
        with torch.inference_mode():
            seen = found.model.vision_model(**_prepared(found, pictures))
            return as_features(found.model.visual_projection(seen.pooler_output))

    def read_texts(texts: Sequence[str]) -> Features:
        words = tokenizer(list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt")
        with torch.inference_mode():
            given = {name: words[name].to(found.model.device) for name in ("input_ids", "attention_mask")}
            return as_features(found.model.text_projection(found.model.text_model(**given).pooler_output))

    settings = {"input": _INPUT, "features": "projected embedding, not normalised"}
    return Backbone(found.model, settings, read, read_texts)


def dino(weights: str, device: Device) -> Backbone:
    """DINO (arXiv 2104.14294) and DINOv2 (arXiv 2304.07193): the class token after the last normalisation."""
    found = _load("AutoModel", weights or DINO, "dino", DINO, device)

    def read(pictures: Sequence[Picture]) -> Features:
        with torch.inference_mode():
            return as_features(found.model(**_prepared(found, pictures)).last_hidden_state[:, 0])

    return Backbone(found.model, {"input": _INPUT, "features": "class token after the last layer"}, read)


def _load(
    architecture: str, weights: str, name: str, example: str, device: Device, also: tuple[str, ...] = ()
) -> pretrained.Pretrained:
    return pretrained.load(
        architecture, weights, of=name, example=example, option=f"--weights {name}=", also=also, device=device
    )


def _prepared(found: pretrained.Pretrained, pictures: Sequence[Picture]) -> dict[str, Any]:
    return {"pixel_values": found.prepared(*pictures)["pixel_values"].to(found.model.device)}


def _tokenizer(folder: str) -> Any:
    from transformers import CLIPTokenizer

    if not any((Path(folder) / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise UserError(f"clip: {folder} has no tokenizer: expected tokenizer.json, or vocab.json and merges.txt")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
