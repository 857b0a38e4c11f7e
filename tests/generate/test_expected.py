"""What a step expects: exact for an exact prediction, of every kind, and at the last step the picture itself."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from helpers_generate import asked
from zeroconv.base import BaseModel
from zeroconv.generate import generate
from zeroconv.generate.expected import expected_latents

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_an_exact_prediction_gives_the_clean_latents(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 4, 8, 8, generator=generator)
    alphas = torch.linspace(0.999, 0.005, 1000)
    base = SimpleNamespace(prediction_type=kind, alphas_cumprod=alphas, num_train_timesteps=1000)
    for time in (0, 333, 999):
        signal, deviation = alphas[time] ** 0.5, (1 - alphas[time]) ** 0.5
        noisy = signal * clean + deviation * noise
        predictions = {"epsilon": noise, "v_prediction": signal * noise - deviation * clean, "sample": clean}
        found = expected_latents(base, noisy, predictions[kind], torch.tensor(time))  # type: ignore[arg-type]
        assert torch.allclose(found, clean, atol=1e-3)


@pytest.mark.parametrize("scheduler", ["ddim", "euler", "dpm++2m"])
def test_the_last_step_expects_the_picture(base: BaseModel, canny: Path, photo: Path, scheduler: str) -> None:
    expected: list[Tensor] = []
    steps: list[int] = []
    request = replace(asked(photo, canny, (5, 6), scheduler=scheduler), steps=4)
    images = list(generate(base, request, on_expected=expected.append, on_step=steps.append))
    assert len(expected) == len(steps) == 4
    assert all(each.shape[0] == 2 for each in expected)
    decoded = ((base.decode(expected[-1]) / 2 + 0.5) * 255).round()
    for image, other in zip(images, decoded, strict=True):
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(image.height, image.width, 3)
        assert (pixels.permute(2, 0, 1) - other).abs().mean() < 3
