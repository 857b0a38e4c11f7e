"""How well the perception network reads pictures whose truth is known."""

import numpy as np
import torch
from examples import Truth
from shards import to_images

from zeroconv.perception import PerceptionNetwork, seen_keypoints, seen_objects
from zeroconv.scenes import CLASSES, COLOURS, KINDS

NEAR = 12  # pixels between an object's middle and where it is seen
JOINT_NEAR = 5  # pixels


def scores(network: PerceptionNetwork, pictures: np.ndarray, truth: Truth, device: str) -> dict[str, float]:
    """Shares in [0, 1]: objects seen with the right kind and colour, mean IoU of the classes, joints found; and the
    mean error of the nearness (1/m) and of the normals (degrees, on objects)."""
    kinds, colours, joints, nearness, angles, extra = [], [], [], [], [], []
    count = len(CLASSES)
    both, either = np.zeros(count), np.zeros(count)
    for start in range(0, len(pictures), 25):
        part = slice(start, start + 25)
        seen = network(to_images(torch.from_numpy(pictures[part])).to(device))
        for objects, true in zip(seen_objects(seen), truth.objects[part], strict=True):
            true = true[true[:, 2] >= 0]
            extra.append(len(objects) > len(true))
            for x, y, kind, colour in true:
                close = [o for o in objects if np.hypot(o.x - x, o.y - y) <= NEAR]
                kinds.append(any(o.kind == KINDS[kind] for o in close))
                colours.append(any(o.colour == list(COLOURS)[colour] for o in close))
        for found, true in zip(seen_keypoints(seen), truth.keypoints[part], strict=True):
            is_seen = true[:, 2] == 2
            if is_seen.any():
                distance = np.hypot(*(found - true)[is_seen, :2].T)
                joints += list((distance <= JOINT_NEAR) & (found[is_seen, 2] > 0))
        labels, right = seen.classes.argmax(1).cpu().numpy(), truth.classes[part]
        for k in range(count):
            both[k] += ((labels == k) & (right == k)).sum()
            either[k] += ((labels == k) | (right == k)).sum()
        nearness.append(np.abs(seen.nearness[:, 0].cpu().numpy() - 1 / truth.depth[part].astype(np.float32)).mean())
        normal = torch.nn.functional.normalize(seen.normal, dim=1).cpu().numpy().transpose(0, 2, 3, 1)
        cosine = (normal * truth.normal[part].astype(np.float32) / 127).sum(-1)[truth.instances[part] > 0]
        angles.append(np.degrees(np.arccos(cosine.clip(-1, 1))).mean())
    return {
        "kind": float(np.mean(kinds)),
        "colour": float(np.mean(colours)),
        "too many": float(np.mean(extra)),
        "joints": float(np.mean(joints)),
        "mIoU": float((both / np.maximum(either, 1)).mean()),
        "nearness": float(np.mean(nearness)),
        "normal": float(np.mean(angles)),
    }
