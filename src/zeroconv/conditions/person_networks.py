"""Persons and their keypoints in a picture, by two networks of transformers: boxes first, then the pose in each box.

Source: DETR and its successors for the boxes (arXiv:2005.12872, arXiv:2304.08069), ViTPose for the poses
(arXiv:2204.12484). Letters: H, W the picture's height and width, P persons, K keypoints.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroconv.conditions import pretrained
from zeroconv.conditions.device import Device
from zeroconv.conditions.person import WHOLE_BODY, Person, from_coco_whole_body
from zeroconv.errors import UserError

WEIGHTS = "usyd-community/vitpose-base-simple"
DETECTOR = "PekingU/rtdetr_r50vd_coco_o365"
CONFIDENCE = 0.3
"""Of persons and keypoints at least, where no other is asked for."""

_OTHERWISE = "poses drawn by hand or found elsewhere need no network: keypoints=FILE"

_COCO = 17
_COCO_EXPERT = 0
"""Of the experts of ViTPose+, each for one data set, the one for COCO."""


def find_persons(
    image: np.ndarray, weights: str, detector: str, confidence: float, device: Device = "auto"
) -> tuple[Person, ...]:
    """A photograph uint8 (H, W, 3), RGB -> its persons in OpenPose's order, in pixels; UserError without networks."""
    boxes_by = pretrained.load(
        "AutoModelForObjectDetection", detector, of="pose (detector)", example=DETECTOR, otherwise=_OTHERWISE,
        device=device,
    )  # fmt: skip
    poses_by = pretrained.load(
        "VitPoseForPoseEstimation", weights, of="pose (weights)", example=WEIGHTS, otherwise=_OTHERWISE, device=device
    )
    count = int(poses_by.model.config.num_labels)
    if count not in (_COCO, WHOLE_BODY):
        raise UserError(f"pose: {weights} finds {count} keypoints; expected COCO's 17 or COCO-WholeBody's 133")
    boxes = _boxes(image, boxes_by, detector, confidence)
    if not len(boxes):
        return ()
    return tuple(from_coco_whole_body(found) for found in _keypoints(image, boxes, poses_by, confidence))


def _boxes(image: np.ndarray, loaded: pretrained.Pretrained, name: str, confidence: float) -> NDArray[np.float32]:
    """The persons' boxes (P, 4) as left, top, width, height in pixels, the surest first."""
    labels = {int(number): str(label).lower() for number, label in loaded.model.config.id2label.items()}
    persons = [number for number, label in labels.items() if label == "person"]
    if not persons:
        raise UserError(f"pose: {name} has no class 'person' and so cannot find persons")
    found = loaded.processor.post_process_object_detection(
        loaded(image), threshold=confidence, target_sizes=[image.shape[:2]]
    )[0]
    boxes, scores, classes = (found[key].float().cpu().numpy() for key in ("boxes", "scores", "labels"))
    order = [index for index in np.argsort(-scores, kind="stable") if int(classes[index]) in persons]
    corners = np.asarray(boxes[order], np.float32).reshape(-1, 4)
    corners = corners.clip(0, [image.shape[1], image.shape[0]] * 2)
    wide = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return wide[(wide[:, 2:] >= 1).all(axis=1)]


def _keypoints(
    image: np.ndarray, boxes: NDArray[np.float32], loaded: pretrained.Pretrained, confidence: float
) -> list[NDArray[np.float32]]:
    """For each box its person's keypoints (K, 3): x, y and confidence, all zero below `confidence`."""
    inputs: dict[str, Any] = loaded.prepared(image, boxes=[boxes])
    if getattr(loaded.model.config.backbone_config, "num_experts", 1) > 1:
        import torch

        inputs["dataset_index"] = torch.full((len(boxes),), _COCO_EXPERT)
    results = loaded.processor.post_process_pose_estimation(loaded.run(inputs), boxes=[boxes.copy()])[0]
    found = []
    for result in results:
        places, scores = (result[key].float().cpu().numpy() for key in ("keypoints", "scores"))
        keypoints = np.column_stack([places, scores.reshape(-1)]).astype(np.float32)
        keypoints[keypoints[:, 2] < max(confidence, 1e-6)] = 0
        found.append(keypoints)
    return found
