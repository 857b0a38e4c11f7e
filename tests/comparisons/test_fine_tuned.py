"""Fine-tuning without a lock and by LoRA: untrained they are the base bitwise; which weights each trains."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rivalworld import PROMPTS, SAMPLER, condition_images, like_tiny, signs_batches

from zeroconv.base import BaseModel, load_base
from zeroconv.comparisons.direct_fine_tuning import DirectFineTuning
from zeroconv.comparisons.learning import Plan, learn
from zeroconv.comparisons.lora_fine_tuning import LoraFineTuning, LowRank, projections
from zeroconv.comparisons.saving import load_rival, save_rival
from zeroconv.evaluation.drawing import from_seeds, guided
from zeroconv.objective import noise_prediction_loss

KINDS = [DirectFineTuning, LoraFineTuning]
PLAN = Plan(steps=10, batch_size=3, learning_rate=5e-3)


@pytest.fixture(scope="module", params=["sd15", "sd21", "tiny"])
def any_base(request: pytest.FixtureRequest, base_folders: dict[str, Path]) -> BaseModel:
    """Velocity or noise; on the first level with attention or without."""
    return like_tiny(base_folders["sd15"]) if request.param == "tiny" else load_base(base_folders[request.param])


@pytest.fixture(scope="module")
def base(sd15_folder: Path) -> BaseModel:
    return load_base(sd15_folder)


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_it_is_the_base_bitwise(kind: type[DirectFineTuning], any_base: BaseModel) -> None:
    fingerprint, rival, batch = any_base.fingerprint(), kind(any_base).eval(), next(signs_batches(any_base).starting(0))
    rival.requires_grad_(False)  # torch multiplies matrices otherwise where their gradient is wanted
    assert torch.equal(rival.losses(batch), noise_prediction_loss(any_base, None, batch))
    alone = from_seeds(any_base, guided(any_base, PROMPTS, SAMPLER), (0, 1, 2), SAMPLER)
    assert torch.equal(rival.draw(PROMPTS, condition_images(), (0, 1, 2), SAMPLER), alone)
    assert any_base.fingerprint() == fingerprint


def test_every_pixel_of_the_condition_is_a_channel(base: BaseModel) -> None:
    condition = torch.zeros(1, 3, 64, 64)
    condition[:, :, 9, 18] = 1
    read = DirectFineTuning(base).reduced(condition)
    assert read.shape == (1, 64, 8, 8)
    assert read.nonzero().tolist() == [[0, 1 * 8 + 2, 1, 2]]


@pytest.mark.parametrize("kind", KINDS)
def test_training_follows_the_condition_and_leaves_the_base(
    kind: type[DirectFineTuning], base: BaseModel, tmp_path: Path
) -> None:
    fingerprint, rival, batch = base.fingerprint(), kind(base), next(signs_batches(base).starting(0))
    before = rival.losses(batch).mean().item()
    for _ in learn(rival, signs_batches(base), PLAN, folder=tmp_path):
        pass
    assert rival.losses(batch).mean().item() < 0.9 * before
    changed = rival.draw(PROMPTS[:1], condition_images(1), (0,), SAMPLER)
    assert not torch.equal(changed, rival.draw(PROMPTS[:1], 1 - condition_images(1), (0,), SAMPLER))
    assert base.fingerprint() == fingerprint


def test_directly_all_is_trained(base: BaseModel) -> None:
    assert all(weight.requires_grad for weight in DirectFineTuning(base).parameters())


def test_lora_trains_its_matrices_and_the_input_layer(base: BaseModel, tmp_path: Path) -> None:
    rival = LoraFineTuning(base, rank=4)
    before = {name: weight.clone() for name, weight in rival.named_parameters()}
    for _ in learn(rival, signs_batches(base), replace(PLAN, steps=2), folder=tmp_path):
        pass
    after = dict(rival.named_parameters())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    matrices = {name for name in before if name.endswith(("down.weight", "up.weight"))}
    assert changed == matrices | {"unet.conv_in.weight", "unet.conv_in.bias"}
    assert all(min(before[name].shape) == 4 for name in matrices)


def test_lora_is_beside_each_projection_of_each_attention(base: BaseModel) -> None:
    parts = [module for module in LoraFineTuning(base).unet.modules() if isinstance(module, LowRank)]
    attentions = [module for module in base.unet.modules() if hasattr(module, "to_q")]
    assert len(parts) == 4 * len(attentions) == len(projections(base.unet)) > 0


def test_the_seed_decides_loras_first_matrices(base: BaseModel) -> None:
    one, again, other = (LoraFineTuning(base, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(kind: type[DirectFineTuning], base: BaseModel, tmp_path: Path) -> None:
    rival = kind(base)
    with torch.no_grad():
        for weight in rival.parameters():
            weight.add_(0.01)
    save_rival(rival, PLAN, tmp_path / "rival")
    found = load_rival(kind, base, tmp_path / "rival").state_dict()
    assert all(torch.equal(value, found[name]) for name, value in rival.state_dict().items())
