"""The model card that lies beside a trained ControlNet: what it obeys, what it was trained on and with, how far it got.

Everything is read from its sidecar, where training and evaluation record what they did and found; where the data may be
used for what, its owner has to add.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zeroconv.images import atomic_write
from zeroconv.weights.sidecar import Sidecar

FILE = "README.md"
_TOLD = (
    "variant",
    "learning_rate",
    "joint_rate",
    "batch_size",
    "warm_up",
    "decay",
    "prompt_drop",
    "timestep_power",
    "flip",
    "crop",
    "buckets",
    "weight_decay",
    "max_grad_norm",
    "ema",
    "min_snr",
    "unlock",
    "precision",
    "optimizer",
    "seed",
)
_COPIES = ("full", "gaussian", "middle")
"""Variants that diffusers runs."""
_MARK = "<!-- written by zeroconv train; remove this line to keep what you change -->"
_DIFFUSERS = """\
from diffusers import ControlNetModel

controlnet = ControlNetModel.from_pretrained("PATH_OF_THIS_FOLDER")"""
_OURS = """\
from zeroconv import load, load_base

controlnet = load("PATH_OF_THIS_FOLDER", load_base("PATH_OR_NAME_OF_ITS_BASE"))"""


def write_card(folder: Path, sidecar: Sidecar, base: str) -> None:
    """Writes README.md into the folder of a ControlNet; one that a person has changed is left alone."""
    path = folder / FILE
    if path.exists() and _MARK not in path.read_text("utf-8"):
        return
    with atomic_write(path) as temporary:
        temporary.write_text(card(sidecar, base), "utf-8")


def card(sidecar: Sidecar, base: str) -> str:
    """The text of the card. base: the name of the base as others know it."""
    low, high = sidecar.range
    config: Mapping[str, Any] = sidecar.training["config"]
    variant, unlocked = config.get("variant", "full"), config.get("unlock", "none")
    kind = "ControlNet" if variant == "full" else f"ControlNet of the variant {variant}"
    joint = f"trained together with its base ({unlocked}), which is saved with it"
    state = "whose base stayed locked" if unlocked == "none" else joint
    rows = _training(sidecar.training)
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    options = json.dumps(dict(sidecar.condition_options))
    return f"""\
---
library_name: {"diffusers" if variant in _COPIES else "zeroconv"}
tags: [controlnet, zeroconv]
base_model: {json.dumps(base)}
---
{_MARK}

# ControlNet for {sidecar.condition} on {base}

A {kind} (arXiv 2302.05543) {state}. Its condition images are {sidecar.condition} with options
`{options}`: {sidecar.polarity}, {sidecar.channel_order}, values from {low:g} to {high:g}.

## How far it got

{_gain(sidecar.training["gain"])}
{_fidelity(sidecar.fidelity)}
## Training

| setting | value |
|---|---|
{table}

## Use

```python
{_DIFFUSERS if variant in _COPIES else _OURS}
```
"""


def _training(training: Mapping[str, Any]) -> dict[str, str]:
    config: Mapping[str, Any] = training["config"]
    return {
        "steps": f"{training['steps']} of {config['steps']}, {training['samples']} examples seen",
        **({"begun with": training["start"]} if training.get("start") else {}),
        "data": ", ".join(f"{name} {value}" for name, value in training["data"].items()),
        **{name.replace("_", " "): config[name] for name in _TOLD if name in config},
        "time": f"{float(training['seconds']) / 60:.1f} minutes on {training['machine']['device']}",
        "versions": ", ".join(f"{name} {value}" for name, value in training["versions"].items()),
    }


def _gain(points: list[Mapping[str, Any]]) -> str:
    if not points:
        return "Nothing was held out to measure it."
    last = points[-1]
    gain, wrong = (f"{last[name]:.4f} ± {last[f'{name}_interval']:.4f}" for name in ("gain", "shuffled_gain"))
    return (
        f"On {last['examples'] or 'some'} held-out examples the loss is {last['with_']:.4g} with control and "
        f"{last['without']:.4g} without: a control gain of {gain} (95 % interval). A wrong condition costs {wrong}. "
        "These are losses, not a measure of how well pictures follow the condition."
    )


def _fidelity(found: Mapping[str, Any]) -> str:
    """What an evaluation found, as a table between empty lines; an empty line where there was none."""
    if not found:
        return ""
    rows = [f"| {row['name']} | {row['mean']:.3f} | {row['low']:.3f} .. {row['high']:.3f} |" for row in found["rows"]]
    direction = "less is better" if found["less_is_better"] else "more is better"
    head = f"| {found['metric']}, {direction} | mean | 95 % interval |"
    kind = "photographs" if "photographs" in found else "scenes"
    told = f"On {found[kind]} held-out {kind} (`zeroconv evaluate control`, protocol {found['protocol_hash']}):"
    return "\n".join(["", told, "", head, "|---|---|---|", *rows, ""])
