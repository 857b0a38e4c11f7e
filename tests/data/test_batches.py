from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from zeroconv.control import Text
from zeroconv.data.batches import Batches, collate, draw, encode_prompts, held_out_batches
from zeroconv.data.cache import Encoded
from zeroconv.data.order import order
from zeroconv.data.records import Batch
from zeroconv.data.views import Views

COUNT = 10


def example(index: int) -> Encoded:
    generator = torch.Generator().manual_seed(index)
    latent = torch.randn(4, 8, 8, generator=generator)
    condition = torch.randint(256, (3, 64, 64), generator=generator, dtype=torch.uint8)
    return Encoded(f"example {index}", latent, f"caption {index}", condition, index)


@dataclass
class ToyBase:
    """A base that encodes a prompt as its letters, and remembers what it was asked."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    num_train_timesteps: int = 1000
    asked: list[list[str]] = field(default_factory=list)

    def encode_text(self, prompts: list[str]) -> Text:
        self.asked.append(list(prompts))
        rows = [[float(ord(letter)) for letter in prompt.ljust(12)] for prompt in prompts]
        return Text(torch.tensor(rows)[:, :, None])


EXAMPLES = [example(index) for index in range(COUNT)]


def batches(batch_size: int, base: Any = None, **changes: Any) -> Batches:
    return Batches(EXAMPLES, base or ToyBase(), batch_size, **{"seed": 3, **changes})


def samples(of: Iterator[Batch], count: int) -> list[tuple[object, ...]]:
    """The first `count` samples of a sequence of batches, one by one, comparable with ==."""
    found: list[tuple[object, ...]] = []
    for batch in of:
        for row in range(len(batch)):
            parts = (batch.latents, batch.text.tokens, batch.condition, batch.noise, batch.timesteps)
            found.append((batch.names[row], *(part[row].numpy().tobytes() for part in parts)))
        if len(found) >= count:
            return found[:count]
    raise AssertionError("the batches came to an end")


@pytest.mark.parametrize("batch_size", [1, 3, 10, 17])
def test_what_a_sample_draws_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    expected = samples(batches(4).starting(0), 35)
    assert samples(batches(batch_size).starting(0), 35) == expected
    assert len(set(expected)) == 35


@pytest.mark.parametrize("position", [1, 9, 10, 11, 23])
def test_batches_start_at_any_position(position: int) -> None:
    everything = samples(batches(1).starting(0), 40)
    assert samples(batches(4).starting(position), 40 - position) == everything[position:]


def test_every_epoch_has_every_example_once_in_an_order_of_its_own() -> None:
    names = [sample[0] for sample in samples(batches(3).starting(0), 3 * COUNT)]
    epochs = [names[start : start + COUNT] for start in range(0, 3 * COUNT, COUNT)]
    assert all(sorted(epoch) == sorted(one.name for one in EXAMPLES) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_seed_decides() -> None:
    assert list(order(COUNT, seed=1, epoch=0)) != list(order(COUNT, seed=2, epoch=0))
    assert samples(batches(1, seed=3).starting(0), 5) == samples(batches(1, seed=3).starting(0), 5)
    first, second = (draw(EXAMPLES[0], seed=s, epoch=0, prompt_drop=0.5, num_timesteps=1000) for s in (1, 2))
    assert not torch.equal(first.noise, second.noise)
    later = draw(EXAMPLES[0], seed=1, epoch=1, prompt_drop=0.5, num_timesteps=1000)
    assert not torch.equal(first.noise, later.noise)


def test_the_draws_of_a_seed_are_these_for_ever() -> None:
    """A change here would break every run that is resumed with a newer version."""
    assert list(order(COUNT, seed=3, epoch=1)) == [4, 3, 0, 8, 5, 9, 6, 1, 7, 2]
    drawn = draw(EXAMPLES[4], seed=3, epoch=1, prompt_drop=0.5, num_timesteps=1000)
    assert (drawn.prompt, drawn.timestep) == ("caption 4", 387)
    assert drawn.noise[0, 0, 0].item() == pytest.approx(0.99619472, abs=1e-6)
    assert drawn.noise[3, 7, 7].item() == pytest.approx(-1.79344428, abs=1e-6)


def test_as_many_prompts_are_dropped_as_asked() -> None:
    for share in (0.0, 0.3, 0.5, 1.0):
        dropped = [
            draw(EXAMPLES[index % COUNT], seed=1, epoch=index // COUNT, prompt_drop=share, num_timesteps=10).prompt
            == ""
            for index in range(2000)
        ]
        assert abs(sum(dropped) / 2000 - share) <= (0 if share in (0, 1) else 0.035)  # three standard deviations


def test_dropping_more_prompts_changes_nothing_else() -> None:
    never, always = (draw(EXAMPLES[2], seed=1, epoch=0, prompt_drop=p, num_timesteps=1000) for p in (0, 1))
    assert (never.prompt, always.prompt) == ("caption 2", "")
    assert never.timestep == always.timestep and torch.equal(never.noise, always.noise)


def test_noise_is_normal_and_time_steps_are_uniform() -> None:
    drawn = [draw(EXAMPLES[0], seed=1, epoch=e, prompt_drop=0.5, num_timesteps=1000) for e in range(1500)]
    noise = torch.stack([one.noise for one in drawn])
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    timesteps = torch.tensor([one.timestep for one in drawn])
    assert 0 <= timesteps.min() < 10 and 990 <= timesteps.max() < 1000
    assert torch.histc(timesteps.float(), 10, 0, 1000).sub(150).abs().max() < 50
    kept = torch.tensor([one.prompt != "" for one in drawn])
    assert abs(timesteps[kept].float().mean() - timesteps[~kept].float().mean()) < 50  # drop and time step independent


def test_a_power_below_one_prefers_the_noisy_time_steps_and_changes_nothing_else() -> None:
    even, noisy = (
        [next(batches(1, timestep_power=power).starting(position)) for position in range(400)] for power in (1, 0.5)
    )
    for plain, biased in zip(even, noisy, strict=True):
        assert torch.equal(plain.noise, biased.noise) and torch.equal(plain.text.tokens, biased.text.tokens)
        expected = 1000 * ((plain.timesteps + 0.5) / 1000) ** 0.5
        assert torch.equal(biased.timesteps, expected.long())
    drawn = torch.cat([batch.timesteps for batch in noisy]).float()
    assert abs(drawn.mean() - 2000 / 3) < 40 and drawn.max() < 1000  # the mean of the square root of an even chance


def test_a_batch_has_the_conditions_in_zero_to_one_and_each_prompt_in_its_row() -> None:
    base = ToyBase()
    chosen = [EXAMPLES[1], EXAMPLES[2], EXAMPLES[1]]
    draws = [draw(one, seed=1, epoch=0, prompt_drop=0.0, num_timesteps=1000) for one in chosen]
    batch = collate(base, chosen, draws)  # type: ignore[arg-type]
    assert batch.condition.shape == (3, 3, 64, 64) and batch.condition.min() >= 0 and batch.condition.max() == 1
    assert torch.equal(batch.condition[1], EXAMPLES[2].condition / 255)
    assert torch.equal(batch.latents[2], EXAMPLES[1].latent)
    assert batch.timesteps.dtype == torch.int64
    letters = ["".join(chr(int(code)) for code in row).strip() for row in batch.text.tokens[:, :, 0]]
    assert letters == ["caption 1", "caption 2", "caption 1"]


def test_each_prompt_is_encoded_once_and_all_parts_follow() -> None:
    asked: list[str] = []

    def encode_text(prompts: list[str]) -> Text:
        asked.extend(prompts)
        numbers = torch.arange(float(len(prompts)))
        return Text(numbers[:, None, None], pooled=numbers[:, None], sizes=numbers[:, None].repeat(1, 6))

    text = encode_prompts(SimpleNamespace(encode_text=encode_text), ["", "a", "", "b", "a"])  # type: ignore[arg-type]
    assert asked == ["", "a", "b"]
    assert text.tokens[:, 0, 0].tolist() == [0, 1, 0, 2, 1]
    assert text.pooled is not None and text.pooled[:, 0].tolist() == [0, 1, 0, 2, 1]
    assert text.sizes is not None and text.sizes[:, 5].tolist() == [0, 1, 0, 2, 1]


def test_held_out_batches_never_change_and_cover_the_schedule_evenly() -> None:
    first, again = (held_out_batches(ToyBase(), EXAMPLES, batch_size=4, seed=3) for _ in range(2))  # type: ignore[arg-type]
    assert [len(batch) for batch in first] == [4, 4, 2]
    for mine, theirs in zip(first, again, strict=True):
        assert torch.equal(mine.noise, theirs.noise) and torch.equal(mine.timesteps, theirs.timesteps)
    timesteps = torch.cat([batch.timesteps for batch in first])
    assert sorted(timesteps.tolist()) == [50 + 100 * k for k in range(COUNT)]
    assert timesteps.tolist() != sorted(timesteps.tolist())
    trained = samples(batches(1).starting(0), COUNT)
    held = samples(iter(first), COUNT)
    assert {sample[4] for sample in trained}.isdisjoint(sample[4] for sample in held)


def test_conditions_reach_the_network_in_their_own_range() -> None:
    hole = replace(EXAMPLES[0], condition=torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 1, 3))
    assert hole.condition_values().flatten().tolist() == pytest.approx([0.0, 128 / 255, 1.0])
    signed = replace(hole, value_range=(-1.0, 1.0)).condition_values().flatten().tolist()
    assert signed == pytest.approx([-1.0, 1 / 255, 1.0], abs=1e-6)


BUCKETS = (frozenset({0, 3, 4, 8, 9}), frozenset({1, 2, 5}), frozenset({6, 7}))


def test_a_batch_is_of_one_bucket_and_no_example_is_lost() -> None:
    stream = batches(2, buckets=BUCKETS).starting(0)
    seen: list[int] = []
    for _ in range(4 * COUNT // 2):
        names = [int(name.split()[1]) for name in next(stream).names]
        assert len(names) == 2 and any(bucket.issuperset(names) for bucket in BUCKETS)
        seen += names
    assert all(3 <= seen.count(index) <= 5 for index in range(COUNT))
    for bucket in BUCKETS:
        own = [index for index in seen if index in bucket]
        rounds = [own[start : start + len(bucket)] for start in range(0, len(own), len(bucket))]
        assert all(sorted(one) == sorted(bucket) for one in rounds[:-1])


@pytest.mark.parametrize("step", [1, 4, 5, 12, 31])
def test_batches_of_buckets_start_after_any_batch(step: int) -> None:
    whole = samples(batches(3, buckets=BUCKETS).starting(0), 150)
    assert samples(batches(3, buckets=BUCKETS).starting(3 * step), 150 - 3 * step) == whole[3 * step :]


def test_one_bucket_of_all_is_none() -> None:
    assert samples(batches(3, buckets=(frozenset(range(COUNT)),)).starting(5), 30) == samples(
        batches(3).starting(5), 30
    )


def test_a_base_that_is_told_sizes_is_told_those_that_examples_know() -> None:
    known = replace(EXAMPLES[0], sizes=(600, 400, 10, 0, 64, 64))
    base = ToyBase()
    encode = base.encode_text
    native = torch.tensor([[64.0, 64, 0, 0, 64, 64]])
    base.encode_text = lambda prompts: replace(encode(prompts), sizes=native.repeat(len(prompts), 1))  # type: ignore[method-assign]
    draws = [draw(one, seed=1, epoch=0, prompt_drop=0.5, num_timesteps=10) for one in (known, EXAMPLES[1])]
    batch = collate(base, [known, EXAMPLES[1]], draws)  # type: ignore[arg-type]
    assert batch.text.sizes is not None
    assert batch.text.sizes.tolist() == [[600, 400, 10, 0, 64, 64], [64, 64, 0, 0, 64, 64]]


def test_views_change_no_other_draw() -> None:
    mirrored = [replace(one, latent=one.latent.flip(2), name=f"{one.name} in a mirror") for one in EXAMPLES]
    with_views = Batches(Views([EXAMPLES], [mirrored], 0.5), ToyBase(), 4, 3)  # type: ignore[arg-type]
    turned = 0
    for _, plain, viewed in zip(range(5), batches(4).starting(0), with_views.starting(0), strict=False):
        assert torch.equal(plain.noise, viewed.noise) and torch.equal(plain.timesteps, viewed.timesteps)
        assert torch.equal(plain.text.tokens, viewed.text.tokens)
        for row, (name, seen) in enumerate(zip(plain.names, viewed.names, strict=True)):
            turned += seen != name
            assert seen.removesuffix(" in a mirror") == name
            expected = plain.latents[row] if seen == name else plain.latents[row].flip(2)
            assert torch.equal(viewed.latents[row], expected)
    assert 4 <= turned <= 16
