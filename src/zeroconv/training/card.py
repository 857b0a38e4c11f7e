"""The model card that lies beside a trained ControlNet: what it obeys, what it was trained on and with, how far it got.

Everything is read from what the training recorded; where the data may be used for what, its owner has to add.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zeroconv.images import atomic_write
from zeroconv.weights import Sidecar

FILE = "README.md"
_TOLD = (
    "learning_rate",
    "batch_size",
    "warm_up",
    "decay",
    "prompt_drop",
    "weight_decay",
    "max_grad_norm",
    "ema",
    "precision",
    "optimizer",
    "seed",
)


def write_card(folder: Path, sidecar: Sidecar, base: str) -> None:
    """Writes README.md into the folder of a ControlNet; one that a person has changed is left alone."""
    path = folder / FILE
    if path.exists() and _MARK not in path.read_text("utf-8"):
        return
    with atomic_write(path) as temporary:
        temporary.write_text(card(sidecar, base), "utf-8")


_MARK = "<!-- written by zeroconv train; remove this line to keep what you change -->"


def card(sidecar: Sidecar, base: str) -> str:
    """The text of the card. base: the name of the base as others know it."""
    training = sidecar.training
    config: Mapping[str, Any] = training["config"]
    low, high = sidecar.range
    rows = {
        "steps": f"{training['steps']} of {config['steps']}, {training['samples']} examples seen",
        **({"begun with": training["start"]} if training.get("start") else {}),
        "data": ", ".join(f"{name} {value}" for name, value in training["data"].items()),
        **{name.replace("_", " "): config[name] for name in _TOLD if name in config},
        "time": f"{float(training['seconds']) / 60:.1f} minutes on {training['machine']['device']}",
        "versions": ", ".join(f"{name} {value}" for name, value in training["versions"].items()),
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    options = json.dumps(dict(sidecar.condition_options))
    return f"""\
---
library_name: diffusers
tags: [controlnet, zeroconv]
base_model: {json.dumps(base)}
---
{_MARK}

# ControlNet for {sidecar.condition} on {base}

A ControlNet (arXiv 2302.05543) whose base stayed locked. Its condition images are {sidecar.condition} with options
`{options}`: {sidecar.polarity}, {sidecar.channel_order}, values from {low:g} to {high:g}.

## How far it got

{_gain(training["gain"])}

## Training

| setting | value |
|---|---|
{table}

## Use

```python
from diffusers import ControlNetModel

controlnet = ControlNetModel.from_pretrained("PATH_OF_THIS_FOLDER")
```
"""


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
