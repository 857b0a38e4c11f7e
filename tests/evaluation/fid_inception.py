"""A file in the exact layout of pt_inception-2015-12-05-6726825d.pth, with random weights: the same everywhere.

fid_inception_layout.txt holds the name of each convolution with the shape of its weight (out x in x height x width).
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

LAYOUT = Path(__file__).with_name("fid_inception_layout.txt")


def random_weights() -> dict[str, Tensor]:
    """The published keys with weights that keep activations of one size."""
    random, state = np.random.default_rng(0), {}
    for line in LAYOUT.read_text().splitlines():
        name, size = line.split()
        shape = tuple(map(int, size.split("x")))
        weight = random.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        state[f"{name}.conv.weight"] = weight
        state[f"{name}.bn.weight"] = random.uniform(0.8, 1.2, shape[0])
        state[f"{name}.bn.bias"] = random.normal(0, 0.2, shape[0])
        state[f"{name}.bn.running_mean"] = random.normal(0, 0.2, shape[0])
        state[f"{name}.bn.running_var"] = random.uniform(0.8, 1.2, shape[0])
    state["fc.weight"], state["fc.bias"] = np.zeros((1008, 2048)), np.zeros(1008)
    return {key: torch.from_numpy(np.asarray(value)).float() for key, value in state.items()}


def random_picture() -> np.ndarray:
    """uint8 (50, 70, 3) with structure of all sizes."""
    random = np.random.default_rng(1)
    coarse = np.kron(random.integers(0, 128, (5, 7, 3)), np.ones((10, 10, 1), int))
    return (coarse + random.integers(0, 128, (50, 70, 3))).astype(np.uint8)
