"""Do drawn pictures show the objects their captions name? Sets of captions for it, and what the judge finds.

Each figure is also given for true pictures of the same scenes: how far the judge itself can be trusted.
N pictures.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from zeroconv.base import BaseModel
from zeroconv.evaluation.drawing import draw
from zeroconv.evaluation.held_out import EVALUATION_SEED, Picture, Progress, render_scenes, silent
from zeroconv.evaluation.judge import Judge
from zeroconv.evaluation.part import Column, Part
from zeroconv.evaluation.report import Measure
from zeroconv.evaluation.sampler import Sampler
from zeroconv.evaluation.statistics import CONFIDENCE, SEED, Estimate
from zeroconv.perception import SeenObject
from zeroconv.scenes import KINDS, Scene, sample_scene

PAIRS = tuple(permutations(KINDS, 2))
RESAMPLES = 1000  # of the interval of the number of kinds
MEANINGS = {
    "kind right": "drawn for captions with one object; the most certain object is of the kind named",
    "colour right": "and of the colour named, captions that name one",
    "one object": "exactly one object is seen",
    **{f"kind right: {kind}": f"captions with a {kind}" for kind in KINDS},
    "joints found": "drawn persons; share of a body's 13 joints that can be made out",
    "both present": "drawn for captions with two objects of different kinds; both kinds are seen",
    "order right": "and stand as told, captions that say left or right; of all of these",
    "clear object": "drawn for the empty prompt; an object that is clearly of one kind is seen",
    "kinds": "the effective number of kinds among these, exp of their entropy; 9 at most",
}


def single_object_scenes(count: int, seed: int = EVALUATION_SEED) -> tuple[Scene, ...]:
    """Scenes with one object, all kinds in turn."""
    return tuple(sample_scene(seed, k, kinds=(KINDS[k % len(KINDS)],)) for k in range(count))


def two_object_scenes(count: int, seed: int = EVALUATION_SEED) -> tuple[Scene, ...]:
    """Scenes with two objects of different kinds, all ordered pairs in turn."""
    return tuple(sample_scene(seed, k, kinds=PAIRS[k % len(PAIRS)]) for k in range(count))


def object_parts(
    base: BaseModel, judge: Judge, count: int, sampler: Sampler, progress: Progress = silent
) -> tuple[Part, ...]:
    """Draw `count` pictures each for captions with one object, with two, and for the empty prompt, and judge them."""
    single, two = single_object_scenes(count), two_object_scenes(count)
    columns: dict[str, dict[str, Column]] = {}
    for name, scenes, judged in (("one object", single, one_right), ("two objects", two, two_right)):
        true = judged(judge, scenes, render_scenes(scenes, base.native_size, progress=progress))
        drawn = draw(base, [s.caption for s in scenes], sampler, what=f"draw {name}", progress=progress)
        found = judged(judge, scenes, drawn)
        columns[name] = found | {f"{measure}, true": column for measure, column in true.items()}
    empty = draw(base, [""] * count, sampler, what="draw without words", progress=progress)
    seen = judge.objects(empty)
    clear: Column = {k: float(any(o.kind for o in objects)) for k, objects in enumerate(seen)}
    kinds = Measure("kinds", MEANINGS["kinds"], estimate_variety(seen))
    meanings = MEANINGS | {f"{name}, true": "the same of true pictures" for name in MEANINGS}
    return (
        Part("one object", [s.caption for s in single], columns["one object"], meanings),
        Part("two objects", [s.caption for s in two], columns["two objects"], meanings),
        Part("empty prompt", [""] * count, {"clear object": clear}, meanings, (kinds,)),
    )


def one_right(judge: Judge, scenes: Sequence[Scene], pictures: Sequence[Picture]) -> dict[str, Column]:
    """N pictures for scenes with one object: is the most certain object seen the right one?"""
    seen = judge.objects(pictures)
    best = [max(objects, key=lambda thing: thing.certainty, default=None) for objects in seen]
    pairs = [(b, scene.objects[0]) for b, scene in zip(best, scenes, strict=True)]
    kinds = {k: float(b is not None and b.kind == w.kind) for k, (b, w) in enumerate(pairs)}
    colours = {
        k: float(b is not None and b.colour == w.colour)
        for k, (b, w) in enumerate(pairs)
        if w.colour in w.description.split()
    }
    by_kind = {
        f"kind right: {kind}": {k: right for k, right in kinds.items() if pairs[k][1].kind == kind} for kind in KINDS
    }
    persons = [k for k, (_, wanted) in enumerate(pairs) if wanted.kind == "person"]
    joints = judge.joints([pictures[k] for k in persons]) if persons else []
    return {
        "kind right": kinds,
        "colour right": colours,
        "one object": {k: float(len(objects) == 1) for k, objects in enumerate(seen)},
        **by_kind,
        "joints found": dict(zip(persons, joints, strict=True)),
    }


def two_right(judge: Judge, scenes: Sequence[Scene], pictures: Sequence[Picture]) -> dict[str, Column]:
    """N pictures for scenes with two objects of different kinds: are both there, and in the order told?"""
    both, ordered = {}, {}
    for k, (objects, scene) in enumerate(zip(judge.objects(pictures), scenes, strict=True)):
        left, right = ([o.x for o in objects if o.kind == wanted.kind] for wanted in scene.objects)
        both[k] = float(bool(left and right))
        if " left of " in scene.caption or " right of " in scene.caption:
            ordered[k] = float(bool(left and right) and min(left) < max(right))
    return {"both present": both, "order right": ordered}


def estimate_variety(seen: Sequence[Sequence[SeenObject]]) -> Estimate:
    """The effective number of kinds (exponential of the entropy) among the clear objects of pictures, 0 to 9."""
    counts = np.array([[sum(o.kind == kind for o in objects) for kind in KINDS] for objects in seen], dtype=np.float64)
    random = np.random.default_rng(SEED)
    draws = [_effective_number(counts[random.integers(0, len(counts), len(counts))].sum(0)) for _ in range(RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, (tail, 1 - tail))
    return Estimate(_effective_number(counts.sum(0)), float(low), float(high), len(counts))


def _effective_number(counts: NDArray[np.float64]) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1.0)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0
