"""Random detectors of a few thousand weights, on disk as transformers writes the real ones."""

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.mask2former.image_processing_pil_mask2former import Mask2FormerImageProcessorPil
from transformers.models.oneformer.image_processing_pil_oneformer import OneFormerImageProcessorPil
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil
from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil
from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil
from transformers.utils import logging


def write_networks(folder: Path) -> Path:
    """Writes the networks depth, metric, segmentation, detector and pose as folders in `folder`."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _write(folder / "depth", _depth(), _depth_processor())
        _write(folder / "metric", _depth(depth_estimation_type="metric", max_depth=20), _depth_processor())
        _write(folder / "segmentation", segmentation(150), SegformerImageProcessorPil(size=_square(64)))
        _write(folder / "detector", _detector(), YolosImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96}))
        _write(folder / "pose", _pose(17), VitPoseImageProcessorPil(size={"height": 64, "width": 48}))
    return folder


def segmentation(num_labels: int) -> Any:
    """SegFormer for so many classes."""
    config = transformers.SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 16, 16],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        num_labels=num_labels,
    )
    return transformers.SegformerForSemanticSegmentation(config)


def masks(family: str) -> Any:
    """Mask2Former or OneFormer, which find masks and their classes, for 150 classes; what prepares their pictures."""
    backbone = transformers.SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    common: dict[str, Any] = {
        "backbone_config": backbone,
        "num_labels": 150,
        "hidden_dim": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "num_attention_heads": 2,
        "num_queries": 5,
        "encoder_feedforward_dim": 32,
        "dim_feedforward": 32,
    }
    if family == "mask2former":
        found = transformers.Mask2FormerConfig(feature_size=32, mask_feature_size=32, **common)
        model, processor = transformers.Mask2FormerForUniversalSegmentation(found), Mask2FormerImageProcessorPil
    else:
        told = transformers.OneFormerConfig(mask_dim=32, conv_dim=32, text_encoder_width=32, **common)
        model, processor = transformers.OneFormerForUniversalSegmentation(told), OneFormerImageProcessorPil
    for name, parameter in model.named_parameters():  # so that the masks differ, and their classes
        if parameter.ndim > 1 and any(part in name for part in ("class_", "mask_embed", "queries")):
            torch.nn.init.normal_(parameter)
    return model.eval(), processor(size=_square(64))


def _depth(**options: Any) -> Any:
    """Depth Anything, the architecture of the default."""
    backbone = transformers.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        patch_size=14,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
        **options,
    )
    network = transformers.DepthAnythingForDepthEstimation(config)
    torch.nn.init.constant_(network.head.conv3.bias, 1.0)  # so that the last ReLU lets something through
    return network


def _depth_processor() -> Any:
    return DPTImageProcessorPil(size=_square(56), keep_aspect_ratio=True, ensure_multiple_of=14)


def _detector() -> Any:
    config = transformers.YolosConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[64, 64],
        num_detection_tokens=5,
        id2label={0: "person", 1: "dog"},
        label2id={"person": 0, "dog": 1},
    )
    network = transformers.YolosForObjectDetection(config)
    torch.nn.init.constant_(network.class_labels_classifier.layers[-1].bias, 0.0)
    with torch.no_grad():
        network.class_labels_classifier.layers[-1].bias[0] = 4.0  # sees persons everywhere
    return network


def _pose(num_labels: int) -> Any:
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[16, 16],
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        out_indices=[1],
    )
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=num_labels, use_simple_decoder=True)
    network = transformers.VitPoseForPoseEstimation(config)
    torch.nn.init.constant_(network.head.conv.bias, 0.5)
    return network


def _square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


def _write(folder: Path, model: Any, processor: Any) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
