"""Who sees what in which order: balanced over raters and over groups, so that no method gains by where it stands.

M methods, T tasks (groups of pictures, or single test pictures), P plans (one a rater, used again from the start when
there are more raters than plans).
"""

import random

Order = tuple[int, ...]
"""Indices of a task's items from left to right."""

Plan = tuple[tuple[int, Order], ...]
"""What one rater sees: the tasks in turn, each with the order of its items."""


def williams_rows(count: int) -> tuple[Order, ...]:
    """A Latin square in which every item also follows every other equally often (Williams 1949).

    count M >= 2 -> M rows where M is even, 2 M where it is odd, each an order of 0..M-1.
    """
    first = [0]
    for step in range(1, count):
        first.append((first[-1] + (step if step % 2 else -step)) % count)
    rows = [tuple((item + shift) % count for item in first) for shift in range(count)]
    return tuple(rows if count % 2 == 0 else rows + [row[::-1] for row in rows])


def ranking_plans(tasks: int, methods: int, raters: int, dice: random.Random) -> tuple[Plan, ...]:
    """P plans for at least `raters` raters, P a multiple of the square's rows.

    Over the plans each method stands equally often in each place of each group; within a plan it does over the groups,
    as far as their number allows. The groups come in an order of chance, another one in each plan.
    """
    rows = williams_rows(methods)
    names = dice.sample(range(methods), methods)  # which method is which symbol of the square
    plans = -(-raters // len(rows)) * len(rows)
    return tuple(
        tuple((task, tuple(names[symbol] for symbol in rows[(plan + task) % len(rows)])) for task in shuffled)
        for plan, shuffled in ((plan, dice.sample(range(tasks), tasks)) for plan in range(plans))
    )


def single_plans(tasks: int, raters: int, dice: random.Random) -> tuple[Plan, ...]:
    """One plan a rater: T tasks of one item each, in an order of chance."""
    return tuple(tuple((task, (0,)) for task in dice.sample(range(tasks), tasks)) for _ in range(raters))
