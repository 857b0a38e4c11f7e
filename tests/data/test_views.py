"""Which view of an example an epoch sees."""

from dataclasses import replace

import pytest
import torch

from zeroconv.data.cache import Encoded
from zeroconv.data.views import Joined, Views, seen


def example(index: int, view: str) -> Encoded:
    return Encoded(f"{view}{index}", torch.zeros(1, 2, 2), view, torch.zeros(1, 2, 2, dtype=torch.uint8), index)


def several(view: str, count: int = 5) -> list[Encoded]:
    return [example(index, view) for index in range(count)]


def views(flip: float) -> Views:
    return Views([several("a"), several("b"), several("c")], [several("A"), several("B"), several("C")], flip)


def test_a_view_is_a_function_of_seed_epoch_and_sample() -> None:
    def drawn(seed: int) -> list[str]:
        return [seen(views(0.5), index, seed=seed, epoch=epoch).name for epoch in range(4) for index in range(5)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert [name[1:] for name in drawn(1)] == ["0", "1", "2", "3", "4"] * 4
    assert views(0.5)[3].name == "a3"


@pytest.mark.parametrize("flip", [0.0, 0.25, 1.0])
def test_as_many_are_mirrored_as_asked_and_all_crops_are_seen(flip: float) -> None:
    names = [seen(views(flip), 2, seed=1, epoch=epoch).caption for epoch in range(800)]
    assert abs(sum(name.isupper() for name in names) / 800 - flip) <= (0 if flip in (0, 1) else 0.046)
    for crop in "abc":
        assert names.count(crop) + names.count(crop.upper()) == pytest.approx(267, abs=40)


def test_flips_and_crops_are_drawn_apart() -> None:
    never, always = ([seen(views(flip), 1, seed=1, epoch=e).name for e in range(50)] for flip in (0.0, 1.0))
    assert [name.upper() for name in never] == always


def test_parts_are_one_whole_under_its_indices() -> None:
    whole = Joined([several("a", 2), several("b", 3)], [(4, 1), (0, 2, 3)])
    assert len(whole) == 5
    assert [whole[index].name for index in range(5)] == ["b0", "a1", "b1", "b2", "a0"]
    assert [whole[index].index for index in range(5)] == list(range(5))


def test_a_known_deviation_means_a_sample_of_the_posterior() -> None:
    plain = replace(example(0, "a"), latent=torch.full((4, 32, 32), 2.0))
    assert torch.equal(seen([plain], 0, seed=1, epoch=0).latent, plain.latent)
    uncertain = [replace(plain, deviation=torch.full((4, 32, 32), 0.5))]
    first, again, later = (seen(uncertain, 0, seed=1, epoch=epoch).latent for epoch in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, later)
    assert first.mean() == pytest.approx(2, abs=0.05) and first.std() == pytest.approx(0.5, abs=0.03)


def test_the_views_of_a_seed_are_these_for_ever() -> None:
    """A change here would break every run that is resumed with a newer version."""
    assert [seen(views(0.5), index, seed=3, epoch=1).name for index in range(5)] == ["C0", "b1", "A2", "C3", "a4"]
