"""The condition as further channels: from nothing, and into the base by a channel that begins at zero."""

from pathlib import Path

import pytest
import torch
from rivalworld import PROMPTS, SAMPLER, condition_images, like_tiny, signs_batches
from torch import Tensor

from zeroconv.base import BaseModel, load_base
from zeroconv.comparisons.concatenated import Concatenated, ConcatenatedLDM, DepthToImage
from zeroconv.comparisons.learning import Plan, learn
from zeroconv.data.records import Batch
from zeroconv.evaluation.drawing import from_seeds, guided
from zeroconv.objective import noise_prediction_loss

KINDS = [ConcatenatedLDM, DepthToImage]


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.fixture(scope="module")
def batch(base: BaseModel) -> Batch:
    return next(signs_batches(base).starting(0))


def woken(rival: Concatenated) -> Concatenated:
    """With what is made of the condition, and what it is multiplied by, far from zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        rival.unet.conv_in.weight[:, rival.base.latent_channels :].normal_(generator=generator)
        if isinstance(rival, ConcatenatedLDM):
            rival.encoder.conv_out.weight.normal_(generator=generator)
    return rival.eval()


def drawn(rival: Concatenated, prompts: tuple[str, ...], condition: Tensor, seeds: tuple[int, ...]) -> Tensor:
    return rival.draw(prompts, condition, seeds, SAMPLER)


@pytest.mark.parametrize("shape", ["sd15", "tiny"])
def test_an_untrained_depth_channel_leaves_the_base_as_it_is(shape: str, base: BaseModel, sd15_folder: Path) -> None:
    base = base if shape == "sd15" else like_tiny(sd15_folder)
    fingerprint, rival = base.fingerprint(), DepthToImage(base).eval()
    batch = next(signs_batches(base).starting(0))
    torch.testing.assert_close(rival.losses(batch), noise_prediction_loss(base, None, batch), rtol=1e-5, atol=1e-6)
    pictures = drawn(rival, PROMPTS, condition_images(), (0, 1, 2))
    alone = from_seeds(base, guided(base, PROMPTS, SAMPLER), (0, 1, 2), SAMPLER)
    torch.testing.assert_close(pictures, alone, rtol=0, atol=1e-4)
    assert rival.unet.config.in_channels == 5 and base.unet.config.in_channels == base.unet.conv_in.in_channels == 4
    assert base.fingerprint() == fingerprint


def test_depth_is_one_channel_of_means(base: BaseModel) -> None:
    condition = torch.zeros(1, 3, 64, 64)
    condition[:, 1, :8, :4] = 1  # a third of the colours of half of a latent
    depth = DepthToImage(base).reduced(condition)
    assert depth.shape == (1, 1, 8, 8)
    torch.testing.assert_close(depth[0, 0, 0, 0], torch.tensor(2 / 6 - 1))
    assert (depth.flatten()[1:] == -1).all()


def test_from_scratch_is_the_bases_shape_and_none_of_its_weights(base: BaseModel) -> None:
    rival, again, other = ConcatenatedLDM(base), ConcatenatedLDM(base), ConcatenatedLDM(base, seed=1)
    theirs = dict(base.unet.named_parameters())
    for name, weight in rival.unet.named_parameters():
        if name != "conv_in.weight":
            assert weight.shape == theirs[name].shape
    assert not torch.equal(rival.unet.conv_out.weight, theirs["conv_out.weight"])
    assert torch.equal(rival.unet.conv_out.weight, again.unet.conv_out.weight)
    assert not torch.equal(rival.unet.conv_out.weight, other.unet.conv_out.weight)
    assert rival.unet.conv_in.in_channels == 8
    assert rival.reduced(condition_images(2)).shape == (2, 4, 8, 8)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_of_each_example_and_read_its_condition(
    kind: type[Concatenated], base: BaseModel, batch: Batch
) -> None:
    rival = woken(kind(base))
    losses = rival.losses(batch)
    assert losses.shape == (3,)
    changed = batch.condition.clone()
    changed[1] = 1 - changed[1]
    others = rival.losses(Batch(**{**vars(batch), "condition": changed}))
    assert (losses - others)[1].abs() > 1e-4
    torch.testing.assert_close(losses[::2], others[::2])


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_trained_and_the_base_is_not(kind: type[Concatenated], base: BaseModel, batch: Batch) -> None:
    rival = woken(kind(base))
    rival.losses(batch).mean().backward()
    assert all(weight.grad is not None for weight in rival.parameters())
    assert not any(weight.requires_grad for weight in base.unet.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_losses_fall(kind: type[Concatenated], base: BaseModel, batch: Batch, tmp_path: Path) -> None:
    rival = kind(base)
    before = rival.losses(batch).mean().item()
    for _ in learn(rival, signs_batches(base), Plan(steps=10, batch_size=3, learning_rate=5e-3), folder=tmp_path):
        pass
    assert rival.losses(batch).mean().item() < 0.9 * before


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides_its_picture_in_any_company(kind: type[Concatenated], base: BaseModel) -> None:
    rival, condition = woken(kind(base)), condition_images()
    together = drawn(rival, PROMPTS, condition, (5, 6, 7))
    assert together.shape == (3, 3, 64, 64)
    torch.testing.assert_close(drawn(rival, PROMPTS[1:2], condition[1:2], (6,)), together[1:2], rtol=0, atol=1e-4)
    for other in (
        drawn(rival, PROMPTS[1:2], condition[1:2], (7,)),
        drawn(rival, PROMPTS[2:3], condition[1:2], (6,)),
        drawn(rival, PROMPTS[1:2], condition[2:3], (6,)),
    ):
        assert (other - together[1:2]).abs().max() > 1e-3
