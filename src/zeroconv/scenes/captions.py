"""Captions in plain, varied English: what stands where, then the background."""

from collections.abc import Sequence

from zeroconv.scenes.dice import Dice
from zeroconv.scenes.vocabulary import Background


def with_article(noun: str) -> str:
    """'orange cube' -> 'an orange cube'."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def caption(descriptions: Sequence[str], background: Background, wall: str | None, dice: Dice) -> str:
    """One sentence for objects that stand from left to right; the background is left out in 5 % of them."""
    things = _arrangement([with_article(d) for d in descriptions], dice)
    where = dice.choice(background.phrases).format(wall=wall)
    where = "" if dice.chance(0.05) else where
    if where and dice.chance(0.08):
        return f"{where}, {things}"
    opening = dice.weighted({"": 0.8, "a picture of ": 0.1, "there is ": 0.1})
    return f"{opening}{things} {where}".strip()


def listed_from_the_right(text: str, descriptions: Sequence[str]) -> str:
    """A caption whose objects are listed the other way round, where it only lists them: as a mirror shows them.

    Words for left and right are left as they are.
    """
    things = [with_article(d) for d in descriptions]
    for listed in (_listed, _side_by_side):
        text = text.replace(listed(things), listed(things[::-1]))
    return text


def _arrangement(things: list[str], dice: Dice) -> str:
    if len(things) != 2:
        return _listed(things)
    left, right = things
    templates = {
        f"{left} left of {right}": 0.2,
        f"{left} to the left of {right}": 0.15,
        f"{right} right of {left}": 0.2,
        f"{right} to the right of {left}": 0.15,
        _listed(things): 0.2,
        _side_by_side(things): 0.1,
    }
    return dice.weighted(templates)


def _listed(things: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)


def _side_by_side(things: Sequence[str]) -> str:
    return " next to ".join(things)
