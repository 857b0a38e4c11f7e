"""A finished picture's request as text: a command, Python, JSON; each makes it again in the folder of its run."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from zeroconv.request import ControlRequest, Request

_SETTINGS = (
    "strength",
    "start",
    "end",
    "window",
    "schedule",
    "weights",
    "conditional_only",
    "mask",
    "feather",
    "ready",
)
"""Of a control, in the order in which they are written."""
_FLAGS = {
    "base": "--base",
    "negative": "--negative",
    "seeds": "--seed",
    "size": "--size",
    "fit": "--fit",
    "steps": "--steps",
    "guidance": "--guidance",
    "scheduler": "--scheduler",
    "speed": "--speed",
    "prompt_mode": "--prompt-mode",
    "image": "--image",
    "mask": "--mask",
    "denoise": "--denoise",
    "dtype": "--dtype",
}
_DEFAULTS = {each.name: each.default for each in fields(Request)}
_CONTROL_DEFAULTS = {each.name: each.default for each in fields(ControlRequest)}


def command(record: Mapping[str, Any]) -> str:
    """`zeroconv generate ...` for a run's record (or a picture's own), to be run in the folder of the run."""
    words = ["zeroconv generate", f"--prompt {shlex.quote(record['prompt'])}"]
    words += [f"--control {shlex.quote(_control_text(control))}" for control in record["controls"]]
    words += [f"--lora {shlex.quote(_lora_text(lora))}" for lora in record.get("loras") or ()]
    words += [f"{_FLAGS[name]} {shlex.quote(text)}" for name, text in _flag_texts(record)]
    if record.get("mask") and record.get("paste") is False:
        words.append("--no-paste")
    elif record.get("mask") and record.get("feather") != _DEFAULTS["feather"]:
        words.append(f"--feather {record['feather']}")
    return " \\\n  ".join([*words, "--out again"])


def python(record: Mapping[str, Any]) -> str:
    """A program that makes the same pictures."""
    arguments = [f"    prompt={record['prompt']!r},"]
    if record["controls"]:
        lines = [f"        {_control_python(control)}," for control in record["controls"]]
        arguments += ["    controls=(", *lines, "    ),"]
    arguments += [f"    {name}={value!r}," for name, value in _changed(record)]
    loras = [f"Lora({lora['file']!r}, {lora['strength']!r})," for lora in record.get("loras") or ()]
    if loras:
        arguments.append(f"    loras=({' '.join(loras)}),")
    name = record["base"]["name"] if isinstance(record["base"], Mapping) else record["base"]
    dtype = record.get("dtype", "float32")
    return "\n".join(
        [
            "import torch",
            "",
            "from zeroconv import ControlRequest, Request, generate, load_base",
            *(["from zeroconv.request import Lora"] if loras else []),
            "",
            "request = Request(",
            *arguments,
            ")",
            f"base = load_base({name!r}, dtype=torch.{dtype})",
            "for seed, picture in zip(request.seeds, generate(base, request), strict=True):",
            '    picture.save(f"{seed}.png")',
            "",
        ]
    )


def run_json(record: Mapping[str, Any]) -> str:
    """The record as `zeroconv generate --request` reads it."""
    return json.dumps(record, indent=2) + "\n"


def _flag_texts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each flag's name in the record and its text, of those that say something."""
    texts = []
    for name in _FLAGS:
        value = record["base"].get("name") if name == "base" else record.get(name)
        if value not in (None, "", []) and (name in ("seeds", "steps") or value != _DEFAULTS.get(name)):
            texts.append((name, _flag_text(name, value)))
    return texts


def _flag_text(name: str, value: Any) -> str:
    if name == "size":
        return f"{value[0]}x{value[1]}"
    return _text(value)


def _lora_text(lora: Mapping[str, Any]) -> str:
    """style:0.8"""
    return f"{lora['file']}:{_text(float(lora['strength']))}"


def _control_text(control: Mapping[str, Any]) -> str:
    """canny=inputs/control-0.png,strength=0.8,low=50"""
    pairs = [(name, control.get(name)) for name in ("checkpoint", *_SETTINGS)]
    said = [(name, value) for name, value in pairs if value is not None and value != _CONTROL_DEFAULTS[name]]
    said += list(_said_options(control).items())
    return ",".join([f"{control['condition']}={control['image']}", *(f"{name}={_text(value)}" for name, value in said)])


def _control_python(control: Mapping[str, Any]) -> str:
    said = [(name, control.get(name)) for name in ("checkpoint", *_SETTINGS)]
    words = [
        f"{name}={_plain(value)!r}" for name, value in said if value is not None and value != _CONTROL_DEFAULTS[name]
    ]
    options = _said_options(control)
    words += [f"options={options!r}"] if options else []
    return f"ControlRequest({', '.join([repr(control['condition']), repr(control['image']), *words])})"


def _said_options(control: Mapping[str, Any]) -> dict[str, Any]:
    """The options in force, but for the device and for what is empty."""
    options: Mapping[str, Any] = control.get("options") or {}
    return {name: value for name, value in options.items() if name != "device" and value not in (None, "")}


def _changed(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    names = ("negative", "steps", "guidance", "seeds", "size", "scheduler", "fit", "image", "mask", "denoise", "speed")
    extra = ("paste", "feather", "prompt_mode")
    values = [(name, _plain(record.get(name))) for name in (*names, *extra)]
    return [(name, value) for name, value in values if value is not None and value != _DEFAULTS[name]]


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "/".join(map(_text, value))
    return repr(value) if isinstance(value, float) else str(value)
