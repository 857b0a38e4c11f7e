"""A trained system on disk: a folder of its weights and of what it was made from.

rival.safetensors  parameters and buffers under the names they have in the system
rival.json         which system, on which base, how it was trained
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from zeroconv.base import BaseModel
from zeroconv.comparisons.learning import Plan
from zeroconv.comparisons.rival import Rival
from zeroconv.errors import UserError
from zeroconv.images import atomic_folder
from zeroconv.tensor_files import read_tensors, write_tensors
from zeroconv.training.state import load_weights
from zeroconv.weights.saving import public_name

WEIGHTS, ABOUT = "rival.safetensors", "rival.json"
SCHEMA = 1
R = TypeVar("R", bound=Rival)


def save_rival(rival: Rival, plan: Plan, folder: Path) -> Path:
    """Writes the system, trained by `plan`, into `folder` -> the folder; an interruption leaves whole files."""
    about = {
        "schema": SCHEMA,
        "name": rival.name,
        "paper": rival.paper,
        "plan": asdict(plan),
        "base": public_name(rival.base),
        "base_fingerprint": rival.base.fingerprint(),
    }
    with atomic_folder(folder) as part:
        weights = {name: value.detach().cpu().contiguous() for name, value in rival.state_dict().items()}
        write_tensors(weights, part / WEIGHTS)
        (part / ABOUT).write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    return folder


def load_rival(kind: Callable[[BaseModel], R], base: BaseModel, folder: Path) -> R:
    """The system that was saved in `folder`, in eval mode. kind: makes it for its base as it was made before training.

    UserError where nothing is saved, or it is another system, of another base or made with other settings.
    """
    about, rival = _read_about(folder), kind(base)
    if about["name"] != rival.name:
        raise UserError(f"{folder} holds the system {about['name']}, expected {rival.name}.")
    if about["base_fingerprint"] != base.fingerprint():
        raise UserError(
            f"{folder} was trained on the base {about['base']} (fingerprint {about['base_fingerprint']}), "
            f"not on {public_name(base)} ({base.fingerprint()})."
        )
    load_weights(rival, read_tensors(folder / WEIGHTS), f"the system in {folder}")
    return rival.eval()


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(f"no system is saved in {folder}: there is no {ABOUT}.")
    try:
        about = json.loads(path.read_text("utf-8"))
        if about["schema"] != SCHEMA:
            raise UserError(f"{path} has schema {about['schema']}, this version of zeroconv reads {SCHEMA}.")
        return {key: about[key] for key in ("name", "base", "base_fingerprint")}
    except (ValueError, KeyError, TypeError) as problem:
        raise UserError(f"{path} is damaged: expected the record that zeroconv writes, got {problem}.") from problem
