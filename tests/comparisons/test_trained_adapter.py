"""A T2I-Adapter in training: where its features go, which time steps it sees, and that the base stays locked."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rivalworld import PROMPTS, SAMPLER, condition_images, like_tiny, signs_batches

from tinybases import random_unet
from zeroconv.base import BaseModel, load_base
from zeroconv.comparisons.learning import Plan, learn
from zeroconv.comparisons.t2i_adapter import TrainedAdapter, towards_noise
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.objective import noise_prediction_loss

SHAPES = ["sd15", "tiny"]


@pytest.fixture(scope="module")
def bases(sd15_folder: Path) -> dict[str, BaseModel]:
    return {"sd15": load_base(sd15_folder), "tiny": like_tiny(sd15_folder)}


def batch_of(base: BaseModel) -> Batch:
    return next(signs_batches(base).starting(0))


@pytest.mark.parametrize(
    ("shape", "kind", "widths", "levels"),
    [
        ("sd15", "full_adapter", (16, 32, 32, 32), [0, 1, 2, 3]),
        ("tiny", "full_adapter_xl", (16, 32, 32, 32), [1, 1, 2, 2]),
    ],
)
def test_its_features_are_those_of_the_bases_levels(
    shape: str, kind: str, widths: tuple[int, ...], levels: list[int], bases: dict[str, BaseModel]
) -> None:
    adapter = TrainedAdapter(bases[shape]).adapter
    assert (adapter.kind, adapter.widths, adapter.levels, adapter.factor) == (kind, widths, levels, 8)
    features = adapter.encode_condition(condition_images())
    expected = [(3, width, 8 // 2**level, 8 // 2**level) for width, level in zip(widths, levels, strict=True)]
    assert [tuple(feature.shape) for feature in features] == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_every_feature_reaches_the_prediction(shape: str, bases: dict[str, BaseModel]) -> None:
    base = bases[shape]
    rival, batch = TrainedAdapter(base), batch_of(base)
    rival.losses(batch).mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in rival.parameters())
    assert not any(weight.requires_grad for weight in base.unet.parameters())
    assert {name.partition(".")[0] for name in rival.state_dict()} == {"adapter"}


@pytest.mark.parametrize("shape", SHAPES)
def test_losses_fall(shape: str, bases: dict[str, BaseModel], tmp_path: Path) -> None:
    base = bases[shape]
    fingerprint, rival, batch = base.fingerprint(), TrainedAdapter(base), batch_of(base)
    before = rival.losses(batch).mean().item()
    for _ in learn(rival, signs_batches(base), Plan(steps=10, batch_size=3, learning_rate=5e-3), folder=tmp_path):
        pass
    assert rival.losses(batch).mean().item() < 0.98 * before
    assert base.fingerprint() == fingerprint


def test_without_features_its_losses_are_the_bases_at_noisier_time_steps(bases: dict[str, BaseModel]) -> None:
    base = bases["tiny"]
    rival, batch = TrainedAdapter(base), batch_of(base)
    with torch.no_grad():
        for parameter in rival.parameters():
            parameter.zero_()
    noisier = Batch(**{**vars(batch), "timesteps": towards_noise(batch.timesteps, base.num_train_timesteps)})
    assert torch.equal(rival.losses(batch), noise_prediction_loss(base, None, noisier))


def test_time_steps_are_spread_as_the_papers() -> None:
    """t = (1 - u^3) T: half of them in the noisiest eighth, one in a hundred below 0.03 T."""
    found = towards_noise(torch.arange(1000), 1000)
    assert found.dtype == torch.int64 and (found.min(), found.max()) == (1, 999)
    assert (found.diff() >= 0).all()
    assert (found >= 875).sum() == 500
    u = 1 - (torch.arange(1000) + 0.5) / 1000
    torch.testing.assert_close(found.double(), (1 - u.double() ** 3) * 1000, rtol=0, atol=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_decides_its_picture_in_any_company(shape: str, bases: dict[str, BaseModel]) -> None:
    rival, condition = TrainedAdapter(bases[shape]).eval(), condition_images()
    together = rival.draw(PROMPTS, condition, (5, 6, 7), SAMPLER)
    assert together.shape == (3, 3, 64, 64)
    alone = rival.draw(PROMPTS[1:2], condition[1:2], (6,), SAMPLER)
    torch.testing.assert_close(alone, together[1:2], rtol=0, atol=1e-4)
    for other in (
        rival.draw(PROMPTS[1:2], condition[1:2], (7,), SAMPLER),
        rival.draw(PROMPTS[1:2], condition[2:3], (6,), SAMPLER),
    ):
        assert (other - alone).abs().max() > 1e-3


def test_a_base_that_no_adapter_fits_is_refused(bases: dict[str, BaseModel]) -> None:
    unet = random_unet("sd15", down_block_types=("CrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"))
    with pytest.raises(UserError, match="T2I-Adapters need attention to the text on each level but the last"):
        TrainedAdapter(replace(bases["sd15"], unet=unet))
