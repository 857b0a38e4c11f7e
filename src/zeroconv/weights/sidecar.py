"""What is ours about a ControlNet and has no place in diffusers' config: `zeroconv.json` beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError
from zeroconv.images import atomic_write

FILE = "zeroconv.json"
SCHEMA = 1


@dataclass(frozen=True)
class Sidecar:
    """How a ControlNet wants its condition images, and what it was made from."""

    condition: str | None = None
    """The condition's name, as "canny"; None where it is not known, as for files made elsewhere."""
    condition_options: Mapping[str, Any] = field(default_factory=dict)
    """The options of the condition it was trained with, as {"low": 100, "high": 200}."""
    range: tuple[float, float] = (0.0, 1.0)
    """The values of the condition image at black and at white."""
    polarity: str = ""
    """What is bright, as "white on black"."""
    channel_order: str = "RGB"
    """The order of the condition image's channels."""
    variant: str = "full"
    """The architecture, a name of `zeroconv.variants`; `save` fills it in."""
    base: str = ""
    """The name of the base it was trained on; `save` fills it in."""
    base_fingerprint: str = ""
    """The fingerprint of that base's U-Net; `save` fills it in."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """What the training took: steps, data, time, figures."""
    fidelity: Mapping[str, Any] = field(default_factory=dict)
    """How well pictures follow the condition, as `zeroconv evaluate control --card` found; empty: not measured."""
    schema: int = SCHEMA
    """The version of this record."""


def write_sidecar(sidecar: Sidecar, path: Path) -> None:
    """Write the record as JSON, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(sidecar), indent=2, sort_keys=True) + "\n", "utf-8")


def read_sidecar(folder: Path) -> Sidecar:
    """The record beside a ControlNet; an empty one where there is none. Keys of newer versions are left out."""
    path = folder / FILE
    if not path.is_file():
        return Sidecar()
    try:
        content = json.loads(path.read_text("utf-8"))
        schema = int(content.get("schema", SCHEMA))
        known = {part.name: content[part.name] for part in fields(Sidecar) if part.name in content}
        known["variant"] = _FORMER.get(known.get("variant", "full"), known.get("variant", "full"))
        known["range"] = tuple(map(float, known.get("range", (0.0, 1.0))))
        known |= {key: dict(known.get(key) or {}) for key in _RECORDS}
    except (ValueError, TypeError, AttributeError) as problem:
        raise UserError(f"{path} is damaged: expected the record that zeroconv writes, got {problem}.") from problem
    if schema > SCHEMA:
        raise UserError(f"{path} has schema {schema}, this version of zeroconv reads up to {SCHEMA}: please update it.")
    return Sidecar(**known)


_RECORDS = ("condition_options", "training", "fidelity")
_FORMER = {"controlnet": "full"}
"""Names of variants in files of before they were those of `zeroconv.variants`."""
