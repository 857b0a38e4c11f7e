"""Faults of a paired data set that ruin a training without a word: what is wrong, in how many examples, in which.

Each check looks at measurements of single examples (measure.py) and knows nothing of files.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from zeroconv import conditions
from zeroconv.dataset.measure import Measured

SHOWN = 3
"""Examples of a finding that its sentence names."""
GREY_SHARE = 0.1
"""More grey pictures than this teach a base to lose its colours (a fault of ControlNet 1.0's data)."""
NEAR = 4
"""Bits of 64 in which the brightness patterns of near-duplicates differ at most."""
FEWEST = 8
"""Pairs below which nothing is said about their alignment or which end of depth is near."""
CLEAR_SLOPE = 10.0
"""Levels between the lower and the upper third of a depth image, below which they are alike."""
EXCEPTIONS = 0.2
"""Largest share of depth images that are darker below where the others are not; in between nothing is said."""
LEAST_GAIN = 0.15
"""How much more a condition's edges agree with its own picture than with others', in the middle of all: 0.4 to 0.9 in
sound sets, about 0 in mixed ones."""
CLEAR_FIT = 0.55
"""Agreement of edges from which single pairs can be judged: lines, classes and normals have it, depth has not."""
MISFIT = 0.3
"""Share of the usual agreement below which a pair is doubtful: nine of ten conditions of another picture are, and one
in a thousand that belong to theirs (benchmarks/dataset_check.py)."""
SPARSE = ("hough", "pose")
"""Conditions of which single pairs cannot be judged: many are nearly empty, without straight lines or persons."""
MOST_EMPTY, SPARSE_EMPTY = 0.1, 0.95
"""Largest shares of empty conditions that are only worth a look."""
NEAR_LEVELS = 6
"""Levels of 255 by which the thumbnails of near-duplicates differ on average at most."""
LONGEST_CAPTION = 60
"""Words: beyond about this CLIP's 77 tokens are full."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault."""

    check: str
    """A short name that stays the same."""
    is_error: bool
    """Whether training on it is pointless; else it is worth a look."""
    count: int
    total: int
    text: str
    """What is wrong, and what to do."""
    examples: tuple[str, ...]
    """The names of all of them."""

    def __str__(self) -> str:
        named = ", ".join(self.examples[:SHOWN]) + (" ..." if self.count > SHOWN else "")
        return (
            f"{'ERROR' if self.is_error else 'look'}  {self.check}: {self.count} of {self.total}, {self.text} ({named})"
        )


def check(examples: Sequence[Measured], condition: str) -> list[Finding]:
    """All faults of the examples for a condition (canonical name), errors first."""
    found = [finding for checker in CHECKS for finding in checker(examples, condition)]
    return sorted(found, key=lambda finding: not finding.is_error)


def _finding(check: str, wrong: Sequence[Measured], total: int, text: str, *, is_error: bool) -> Iterator[Finding]:
    if wrong:
        yield Finding(check, is_error, len(wrong), total, text, tuple(example.name for example in wrong))


def _sizes(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    wrong = [e for e in examples if e.condition_size is not None and not _same_shape(e.size, e.condition_size)]
    text = "picture and condition have different proportions: one of them was cut"
    yield from _finding("shape", wrong, len(examples), text, is_error=True)
    small = [e for e in examples if min(e.size) < 64]
    yield from _finding("small", small, len(examples), "pictures of fewer than 64 pixels", is_error=False)


def _same_shape(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return abs(first[0] * second[1] - first[1] * second[0]) <= 2 * max(*first, *second)


def _range(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    total = len(examples)
    empty = [e for e in examples if e.condition_low == e.condition_high]
    most = SPARSE_EMPTY if condition in SPARSE else MOST_EMPTY
    text = "conditions of one value control nothing"
    yield from _finding("empty", empty, total, text, is_error=len(empty) > most * total)
    dim = [e for e in examples if 0 < e.condition_high <= 2 and e.condition_low != e.condition_high]
    text = "conditions use 0 to 2 of 255 levels: they were saved as 0 and 1"
    yield from _finding("range", dim, total, text, is_error=True)
    if conditions.kind(condition).is_drawing:
        inverted = [e for e in examples if e.condition_mean > 127.5]
        text = f"{condition} is white on black, but these are mostly bright: inverted"
        yield from _finding("polarity", inverted, total, text, is_error=len(inverted) > total / 10)


def _near(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    """Depth whose upper part is nearer than its lower one: mostly what lies below is nearer, the sky is farthest."""
    if condition != "depth":
        return
    judged = [e for e in examples if abs(e.condition_slope) > CLEAR_SLOPE]
    turned = [e for e in judged if e.condition_slope < 0]
    if len(judged) < FEWEST or EXCEPTIONS < len(turned) / len(judged) < 1 - EXCEPTIONS:
        return
    text = "near is bright, but here the upper part is brighter than the lower: is far bright, as in metres?"
    yield from _finding("polarity", turned, len(examples), text, is_error=False)


def _channels(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    if condition != "normal":
        return
    swapped = [e for e in examples if e.condition_channels[0] > e.condition_channels[2] + 20]
    text = "normals face the viewer, so blue should be strongest, but red is: the channels are BGR"
    yield from _finding("channels", swapped, len(examples), text, is_error=True)


def _duplicates(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    first: dict[str, Measured] = {}
    copies = [e for e in examples if first.setdefault(e.digest, e) is not e]
    yield from _finding("duplicates", copies, len(examples), "pictures that are there already", is_error=False)
    near = _near_duplicates(list(first.values()))
    yield from _finding("near-duplicates", near, len(examples), "pictures that differ in details alone", is_error=False)


def _near_duplicates(examples: Sequence[Measured]) -> list[Measured]:
    """Those within NEAR bits of an earlier one; two such agree in one at least of NEAR + 1 parts of the pattern."""
    width = -(-64 // (NEAR + 1))
    seen: list[defaultdict[int, list[Measured]]] = [defaultdict(list) for _ in range(NEAR + 1)]
    near = []
    for example in examples:
        parts = [(example.pattern >> (width * k)) & ((1 << width) - 1) for k in range(NEAR + 1)]
        others = (other for table, part in zip(seen, parts, strict=True) for other in table[part])
        if any(_is_near(example, other) for other in others):
            near.append(example)
        for table, part in zip(seen, parts, strict=True):
            table[part].append(example)
    return near


def _is_near(one: Measured, two: Measured) -> bool:
    if (one.pattern ^ two.pattern).bit_count() > NEAR:
        return False
    return sum(abs(a - b) for a, b in zip(one.thumbnail, two.thumbnail, strict=True)) <= NEAR_LEVELS * len(
        one.thumbnail
    )


def _grey(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    grey = [e for e in examples if e.colourfulness < 2.0]
    if len(grey) > GREY_SHARE * len(examples):
        text = "pictures without colour teach the ControlNet to make grey ones"
        yield from _finding("grey", grey, len(examples), text, is_error=False)


def _captions(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    total = len(examples)
    bare = [e for e in examples if not e.caption.strip()]
    text = "no caption: words will not matter"
    if len(bare) > total / 10:
        yield from _finding("captions", bare, total, text, is_error=False)
    counts = Counter(e.caption for e in examples if e.caption.strip())
    same = [e for e in examples if counts[e.caption] > max(2, total / 10)]
    yield from _finding("same captions", same, total, "captions that many pictures share say little", is_error=False)
    long = [e for e in examples if len(e.caption.split()) > LONGEST_CAPTION]
    yield from _finding("long captions", long, total, f"more than {LONGEST_CAPTION} words are cut off", is_error=False)


def _alignment(examples: Sequence[Measured], condition: str) -> Iterator[Finding]:
    """Conditions that fit their own picture no better than others'; of skeletons edges say nothing."""
    judged = [e for e in examples if e.own_fit or e.other_fit]
    if len(judged) < FEWEST or condition == "pose":
        return
    gain = median((e.own_fit or 0) - (e.other_fit or 0) for e in judged)
    usual = median(e.own_fit or 0 for e in judged)
    if gain < LEAST_GAIN:
        apart = [e for e in judged if (e.own_fit or 0) <= (e.other_fit or 0)] or judged
        text = "conditions fit their own picture no better than others': the pairs are mixed up"
        yield from _finding("alignment", apart, len(judged), text, is_error=True)
    elif usual > CLEAR_FIT and condition not in SPARSE:
        apart = [e for e in judged if (e.own_fit or 0) < MISFIT * usual]
        text = "conditions fit their pictures far worse than the others do"
        yield from _finding("alignment", apart, len(judged), text, is_error=False)


Check = Callable[[Sequence[Measured], str], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (_sizes, _range, _near, _channels, _duplicates, _grey, _captions, _alignment)
