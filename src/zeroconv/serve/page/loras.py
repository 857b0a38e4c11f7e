"""The LoRAs of the form: the page's JSON -> what is asked for, and a record's back into the form."""

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from zeroconv.errors import UserError
from zeroconv.request import Lora
from zeroconv.serve.models import Models


def loras_of(text: str) -> tuple[Lora, ...]:
    """[{"file", "strength"}] as JSON -> the LoRAs; UserError for anything else."""
    try:
        given = [(str(each["file"]), each["strength"]) for each in json.loads(text or "[]")]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise UserError("the LoRAs cannot be read: load the page again") from error
    return tuple(Lora(*each) for each in given)


def recorded_loras(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a record says of its LoRAs; TypeError, LookupError or AttributeError where it is damaged."""
    found = []
    for each in record.get("loras") or ():
        strength = each.get("strength", 1.0)
        if not isinstance(strength, int | float) or not math.isfinite(strength):
            raise TypeError(strength)
        found.append({"file": str(each["file"]), "strength": strength, "sha256": each.get("sha256")})
    return found


def restored_loras(recorded: Sequence[Mapping[str, Any]], models: Models) -> tuple[str, tuple[str, ...]]:
    """What the form's place of LoRAs is given, and in sentences which of a record's are not offered here.

    One is known by its name, or in a record that was made elsewhere by its file's hash.
    """
    named = [(models.lora_named(each["file"], each["sha256"]), each) for each in recorded]
    loras = [{"file": name, "strength": each["strength"]} for name, each in named if name is not None]
    missing = tuple(f"the LoRA {each['file']} is not offered here" for name, each in named if name is None)
    return json.dumps({"loras": loras, "nonce": secrets.token_hex(4)}), missing
