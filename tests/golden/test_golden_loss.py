"""Property 9: twenty training steps of a toy network have the losses that they had when this was written.

Run this file as a script to write the losses anew, and say in the commit why they changed.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from networks import random_text, small_base
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.objective import noise_prediction_loss

GOLDEN = Path(__file__).with_name("losses.txt")
STEPS, BATCH, LEARNING_RATE = 20, 4, 0.2


def batches(base: BaseModel, generator: torch.Generator) -> Any:
    """Bright squares as conditions, latents that are bright where the condition is: something to learn."""
    while True:
        squares = torch.rand(BATCH, 1, 8, 8, generator=generator).round()
        yield SimpleNamespace(
            latents=(2 * squares - 1).expand(BATCH, 4, 8, 8),
            noise=torch.randn(BATCH, 4, 8, 8, generator=generator),
            timesteps=torch.randint(0, 1000, (BATCH,), generator=generator),
            text=random_text(base.unet, BATCH),
            condition=squares.repeat_interleave(8, 2).repeat_interleave(8, 3),
        )


def losses() -> list[float]:
    base = small_base("sd15", "v_prediction")
    torch.manual_seed(0)
    net = ControlNet(base.unet, condition_channels=1, conditioning_channels=(4, 8, 8, 16))
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=0.9)
    values = []
    for _, batch in zip(range(STEPS), batches(base, torch.Generator().manual_seed(1)), strict=False):
        loss = noise_prediction_loss(base, net, batch).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        values.append(loss.item())
    return values


def test_losses_are_those_of_the_golden_file() -> None:
    golden = [float(line) for line in GOLDEN.read_text("utf-8").split()]
    assert len(golden) == STEPS and len(set(golden)) == STEPS
    assert losses() == pytest.approx(golden, rel=1e-4)


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{value:.7f}\n" for value in losses()), "utf-8")
