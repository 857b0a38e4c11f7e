"""Previews are small, and cost no more than their share."""

import io
import time

import pytest
import torch
from PIL import Image

from zeroconv.serve.jobs.previews import Previews, preview_jpeg
from zeroconv.serve.models import Models


@pytest.mark.parametrize(("shape", "size"), [((16, 16), (128, 128)), ((64, 128), (256, 128))])
def test_a_preview_is_a_small_picture(models: Models, shape: tuple[int, int], size: tuple[int, int]) -> None:
    latents = torch.randn(8, *shape, generator=torch.Generator().manual_seed(0))
    picture = Image.open(io.BytesIO(preview_jpeg(models.base("tiny"), latents)))
    assert picture.format == "JPEG" and picture.size == size


def test_values_that_are_no_numbers_are_shown_too(models: Models) -> None:
    assert preview_jpeg(models.base("tiny"), torch.full((8, 16, 16), torch.nan)).startswith(b"\xff\xd8")


def test_they_cost_a_tenth_at_most(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def slow(base: object, latents: object) -> bytes:
        now[0] += 1.0
        return b"jpeg"

    monkeypatch.setattr("zeroconv.serve.jobs.previews.preview_jpeg", slow)
    previews, made = Previews(), 0
    for _ in range(100):
        if previews.is_due():
            previews.make(models.base("tiny"), torch.zeros(8, 1, 1))
            made += 1
        now[0] += 0.5
    assert made == 4, "one at once, then as many as fit into a tenth of the fifty seconds"
