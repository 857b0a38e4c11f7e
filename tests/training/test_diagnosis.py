"""Each cause is named where the evidence shows it and nowhere else."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from toytraining import toy_base, toy_batches, toy_controlnet

from zeroconv.training.config import TrainConfig
from zeroconv.training.diagnosis import Evidence, likely_causes, update_ratio, warning
from zeroconv.training.gain import GainPoint
from zeroconv.training.loop import train

LINES = (torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0)) > 0.9).float()
NOTHING = GainPoint(1000, 0.2, 0.2, 0.2, 0.0001, 0.0004, 0.0, 0.0001, 64)
SOUND = Evidence(
    config=TrainConfig(learning_rate=1e-3, batch_size=16),
    points=[NOTHING],
    reaction=0.0001,
    conditions=LINES,
    value_range=(0.0, 1.0),
    is_white_on_black=True,
    captions=["a house"],
    update_ratio=1e-3,
    gradient_norms=[0.1, 0.2, 0.3],
    num_parameters=6_000_000,
)


def having(**changes: Any) -> Evidence:
    settings = {name: changes.pop(name) for name in list(changes) if hasattr(SOUND.config, name)}
    point = {name: changes.pop(name) for name in list(changes) if hasattr(NOTHING, name)}
    return replace(SOUND, config=replace(SOUND.config, **settings), points=[replace(NOTHING, **point)], **changes)


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (having(conditions=torch.cat([LINES[:10], torch.zeros(6, 3, 32, 32)])), "38% of the held-out condition images"),
        (having(conditions=LINES[:1].repeat(4, 1, 1, 1)), "all held-out condition images are the same picture"),
        (having(conditions=1 - LINES), "100% of the held-out condition images are mostly bright"),
        (having(gain=0.01, gain_interval=0.002), "a wrong condition serves as well as the right one"),
        (having(reaction=0.05), "a wrong condition serves as well as the right one"),
        (having(learning_rate=1e-6), "the rates of 1000 steps sum up to 0.001"),
        (having(update_ratio=1e-8), "one update is 1e-08 of the weights' length"),
        (having(gain=-0.01, gain_interval=0.002, shuffled_gain=0.02), "the loss with control is 0.01 above"),
        (having(update_ratio=0.1), "the learning rate of 0.001 is too large: one update is 0.1"),
        (having(gradient_norms=[3.0] * 20 + [0.5]), "gradients were cut down to 1 in 95% of the steps"),
        (having(prompt_drop=0.0), "prompts are never dropped"),
        (having(batch_size=1), "a step sees 1 example;"),
        (having(examples=4), "4 held-out examples are too few"),
        (having(gain_interval=0.02), "the gain is known to +- 10% of the loss only"),
    ],
)
def test_a_cause_is_named_where_the_run_shows_it(evidence: Evidence, sentence: str) -> None:
    causes = likely_causes(evidence)
    assert len(causes) == 1 and sentence in causes[0]
    told = warning(evidence, budget=900)
    assert told.startswith("warning: after 1000 steps (expected by 900) it is not shown that the condition is used")
    assert f"(1) {causes[0]}" in told and "\n" not in told


@pytest.mark.parametrize(
    "evidence",
    [
        SOUND,
        having(conditions=1 - LINES, is_white_on_black=False),
        having(gain=0.01, gain_interval=0.002, shuffled_gain=0.01),
        having(prompt_drop=0.0, captions=["", ""]),
        having(learning_rate=1e-5, update_ratio=1e-4, step=5000, num_parameters=860_000_000),
    ],
)
def test_nothing_is_suspected_without_evidence(evidence: Evidence) -> None:
    assert likely_causes(evidence) == []
    assert "Nothing in this run's data points to a cause" in warning(evidence, budget=900)


def test_the_update_ratio_is_that_of_the_step_taken() -> None:
    base, config = toy_base(), TrainConfig(steps=3, learning_rate=1e-3, weight_decay=0.0)
    controlnet = toy_controlnet(base)
    assert update_ratio(torch.optim.AdamW(controlnet.parameters())) is None
    *_, before, after = (
        (torch.cat([parameter.detach().flatten().clone() for parameter in controlnet.parameters()]), step.state)
        for step in train(base, controlnet, toy_batches(base, config), config)
    )
    moved = (after[0] - before[0]).norm() / after[0].norm()
    assert update_ratio(after[1].optimizer) == pytest.approx(moved.item(), rel=1e-3)
