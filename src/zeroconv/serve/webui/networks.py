"""Networks that webui's clients name in the prompt: `<lora:NAME:0.8>` is a LoRA; there are no others here."""

import re
from typing import Any

from zeroconv.errors import UserError
from zeroconv.request import Lora
from zeroconv.serve.loras import known_lora
from zeroconv.serve.models import Models

_NAMED = re.compile(r"\s*<(?P<kind>lora|lyco|hypernet):(?P<rest>[^<>]{0,200})>")
_NUMBER = re.compile(r"[+-]?(\d{1,6}(\.\d{0,12})?|\.\d{1,12})")


def loras_of(prompt: str, models: Models) -> tuple[str, tuple[Lora, ...]]:
    """The prompt without the names in it, and the LoRAs they stand for; UserError for what is not offered."""
    loras = tuple(_lora(found, models) for found in _NAMED.finditer(prompt))
    return (_NAMED.sub("", prompt).strip(), loras) if loras else (prompt, ())


def check_none(text: str, of: str) -> None:
    """UserError where a text names a network, in which webui reads none."""
    if _NAMED.search(text):
        raise UserError(f"the {of} names a LoRA or another network in <...>; those are read in the prompt alone")


def lora_list(models: Models) -> list[dict[str, Any]]:
    """The LoRAs as webui lists them; a path would be the server's, so the name stands for it."""
    return [{"name": name, "alias": name, "path": name, "metadata": {}} for name in models.loras()]


def _lora(found: re.Match[str], models: Models) -> Lora:
    kind, rest = found["kind"], found["rest"]
    if kind != "lora":
        raise UserError(f"<{kind}:{rest}>: there are LoRAs here, <lora:NAME:0.8>, and no other networks in prompts")
    name, _, strength = rest.partition(":")
    known_lora(name.strip(), models.loras())
    if strength and not _NUMBER.fullmatch(strength.strip()):
        raise UserError(f"<lora:{rest}>: expected one number after the name, as in <lora:{name}:0.8>, for all layers")
    return Lora(name.strip(), float(strength or 1))
