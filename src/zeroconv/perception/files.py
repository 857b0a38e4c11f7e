"""The perception network on disk: a folder with config.json and safetensors."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from zeroconv.base.families import MODELS
from zeroconv.errors import UserError
from zeroconv.images import atomic_write
from zeroconv.perception.network import PerceptionNetwork
from zeroconv.tensor_files import write_tensors

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SHIPPED = MODELS / "perception"
"""The network of the embedded world."""


def load_perception(folder: Path = SHIPPED, *, device: str | torch.device = "cpu") -> PerceptionNetwork:
    """The network in `folder`, by default the one that ships, in float32, frozen and in eval mode.

    UserError where there is none.
    """
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} must hold a perception network ({CONFIG} and {WEIGHTS}), but has no {missing[0]}")
    try:
        network = PerceptionNetwork(json.loads((folder / CONFIG).read_text())["widths"])
        stored = {key: value.float() for key, value in load_file(folder / WEIGHTS).items()}
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(f"{folder} holds no readable perception network ({error})") from error
    known = network.state_dict()
    if {k: v.shape for k, v in known.items() if v.is_floating_point()} != {k: v.shape for k, v in stored.items()}:
        raise UserError(f"{folder}: its weights are not those of a perception network of widths {network.widths}")
    network.load_state_dict({**known, **stored})  # the counters of the normalisations are not stored
    return network.to(device).eval().requires_grad_(False)


def save_perception(network: PerceptionNetwork, folder: Path) -> None:
    """Write config.json and the weights, floating-point ones in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        key: value.detach().cpu().half().contiguous()
        for key, value in network.state_dict().items()
        if value.is_floating_point()
    }
    with atomic_write(folder / WEIGHTS) as temporary:
        write_tensors(weights, temporary)
    with atomic_write(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps({"widths": network.widths}, indent=2) + "\n")
