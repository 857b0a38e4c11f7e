"""Orders: balanced over raters and over groups."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from zeroconv.evaluation.study.design import ranking_plans, single_plans, williams_rows


@pytest.mark.parametrize("count", range(2, 10))
def test_each_item_stands_in_each_place_and_follows_each_other_equally_often(count: int) -> None:
    rows = williams_rows(count)
    assert len(rows) == (count if count % 2 == 0 else 2 * count)
    places = Counter((place, item) for row in rows for place, item in enumerate(row))
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert len(places) == count**2 and len(set(places.values())) == 1
    assert len(follows) == count * (count - 1) and len(set(follows.values())) == 1


def test_the_papers_ranking_is_balanced_in_each_group_and_for_each_rater() -> None:
    plans = ranking_plans(tasks=20, methods=5, raters=12, dice=random.Random(0))
    assert len(plans) == 20  # two whole squares of ten rows
    for plan in plans:
        assert sorted(task for task, _ in plan) == list(range(20))
        assert set(Counter((place, item) for _, order in plan for place, item in enumerate(order)).values()) == {4}
    for task in range(20):
        orders = [dict(plan)[task] for plan in plans]
        assert set(Counter((place, item) for order in orders for place, item in enumerate(order)).values()) == {4}
    assert len({tuple(task for task, _ in plan) for plan in plans}) == 20


def test_plans_are_repeatable_and_another_seed_gives_others() -> None:
    first, again, other = (ranking_plans(6, 4, 5, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_single_pictures_come_in_an_order_of_their_own_for_each_rater() -> None:
    plans = single_plans(30, 3, random.Random(0))
    assert [sorted(task for task, _ in plan) for plan in plans] == [list(range(30))] * 3
    assert len(set(plans)) == 3 and {order for plan in plans for _, order in plan} == {(0,)}
