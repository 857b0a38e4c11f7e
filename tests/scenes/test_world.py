"""Scenes from (seed, index): the same everywhere, varied, and described by captions that are true."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from zeroconv.scenes import BACKGROUNDS, COLOURS, KINDS, sample_scene
from zeroconv.scenes.captions import with_article
from zeroconv.scenes.dice import Dice
from zeroconv.scenes.vocabulary import WALL_COLOURS

GOLDEN = Path(__file__).with_name("golden_world.json")
"""Written by `python tests/scenes/test_world.py`, when the world is meant to change."""

GOLDEN_SEED, NUM_GOLDEN = 7, 24


@pytest.fixture(scope="module")
def many():
    return [sample_scene(11, index) for index in range(800)]


def facts(scene) -> dict:
    """What a scene is, as plain numbers and words."""
    camera = [*scene.camera.eye, *scene.camera.target, scene.camera.focal]
    pieces = [number for o in scene.objects for p in o.primitives for number in (*p.parameters, *p.surface.colour)]
    joints = [number for o in scene.objects if o.keypoints is not None for number in o.keypoints.flatten()]
    return {
        "caption": scene.caption,
        "objects": [o.description for o in scene.objects],
        "background": scene.background.name,
        "numbers": [float(f"{v:.9g}") for v in (*camera, *scene.light, scene.wall_distance)],
        "sums": [float(f"{np.abs(values).sum():.9g}") for values in (pieces, joints)],
    }


def test_scenes_are_those_stored():
    stored = json.loads(GOLDEN.read_text())
    for index, expected in enumerate(stored):
        found = facts(sample_scene(GOLDEN_SEED, index))
        for key in ("caption", "objects", "background"):
            assert found[key] == expected[key]
        for key in ("numbers", "sums"):  # libraries of mathematics differ in the last bits
            assert found[key] == pytest.approx(expected[key], rel=1e-6, abs=1e-9)
    assert len(stored) == NUM_GOLDEN


def test_a_scene_depends_on_seed_and_index_alone():
    first = facts(sample_scene(3, 5))
    facts(sample_scene(9, 9))
    assert facts(sample_scene(3, 5)) == first
    assert facts(sample_scene(3, 6)) != first != facts(sample_scene(4, 5))
    assert facts(sample_scene(35, 5)) != facts(sample_scene(3, 55))


def test_dice_are_fair():
    dice = Dice(1, 2)
    throws = [dice.choice("abc") for _ in range(3000)]
    assert all(900 < throws.count(side) < 1100 for side in "abc")
    assert 650 < sum(dice.chance(0.25) for _ in range(3000)) < 850
    weighted = [dice.weighted({"x": 3.0, "y": 1.0, "z": 0.0}) for _ in range(3000)]
    assert 2150 < weighted.count("x") < 2350
    assert "z" not in weighted
    spread = [dice.uniform(-2, 6) for _ in range(3000)]
    assert -2 <= min(spread) < -1.9 < 5.9 < max(spread) < 6


def test_the_world_is_varied(many):
    assert {len(s.objects) for s in many} == {1, 2, 3}
    assert {o.kind for s in many for o in s.objects} == set(KINDS)
    assert len(KINDS) >= 9 and len(COLOURS) >= 10 and len(BACKGROUNDS) >= 6
    assert {s.background.name for s in many} == set(BACKGROUNDS)
    colours = {kind: {o.colour for s in many for o in s.objects if o.kind == kind} for kind in KINDS}
    assert all(colours[kind] == set(COLOURS) for kind in KINDS if kind != "tree")
    assert {o.size for s in many for o in s.objects} == {"small", "", "large"}
    assert {p.surface.pattern for s in many for o in s.objects for p in o.primitives} == {0, 1, 2, 3, 4}
    assert len({s.caption for s in many}) > 740


def test_at_most_one_person(many):
    assert all(sum(o.kind == "person" for o in s.objects) <= 1 for s in many)


def test_captions_name_every_object_and_are_plain_english(many):
    for scene in many:
        for thing in scene.objects:
            assert with_article(thing.description) in scene.caption
        assert re.fullmatch(r"[a-z]+(,? [a-z]+)*", scene.caption), scene.caption


def test_articles_fit_their_nouns(many):
    for scene in many:
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", scene.caption), scene.caption


def test_descriptions_are_true(many):
    for thing in (o for s in many for o in s.objects):
        assert (thing.kind in thing.description) and (thing.size in thing.description)
        assert thing.colour in thing.description or "pine" in thing.description
        surface = thing.primitives[0].surface
        assert ("striped" in thing.description) == (surface.pattern == 1)
        assert ("checkered" in thing.description) == (surface.pattern == 2)
        assert ("shiny" in thing.description) == (surface.gloss > 0.5)


def test_left_and_right_in_captions_are_true(many):
    told = 0
    for scene in (s for s in many if len(s.objects) == 2):
        left, right = (with_article(o.description) for o in scene.objects)
        if " left of " in scene.caption or " right of " in scene.caption:
            told += 1
            first, second = (left, right) if " left of " in scene.caption else (right, left)
            way = "left" if " left of " in scene.caption else "right"
            assert re.search(f"{first} (to the )?{way} of {second}", scene.caption)
    assert told > 80


def test_objects_stand_from_left_to_right_as_seen(many):
    for scene in many:
        forward = scene.camera.target - scene.camera.eye
        right = np.cross([0.0, 1.0, 0.0], forward)
        offsets = [np.array([o.position[0], 0.0, o.position[1]]) - scene.camera.eye for o in scene.objects]
        across = [float(offset @ right / (offset @ forward)) for offset in offsets]
        assert across == sorted(across)


def test_captions_tell_the_background_nearly_always(many):
    told = 0
    for scene in many:
        phrases = [phrase.format(wall=scene.wall) for phrase in scene.background.phrases]
        others = [p for b in BACKGROUNDS.values() if b is not scene.background for p in b.phrases if "{" not in p]
        told += any(phrase in scene.caption for phrase in phrases)
        assert not any(phrase in scene.caption for phrase in others if not any(phrase in own for own in phrases))
        assert (scene.wall in WALL_COLOURS) == scene.background.is_indoor
    assert 0.92 < told / len(many) < 0.98


def test_kinds_and_background_can_be_asked_for():
    scene = sample_scene(1, 2, kinds=("ring", "person"), background="night")
    assert [o.kind for o in scene.objects] == ["ring", "person"]
    assert scene.background.name == "night"


def test_everything_stands_on_the_ground(many):
    for piece in (p for s in many[:300] for o in s.objects for p in o.primitives):
        assert piece.centre[1] > 0
    for joints in (o.keypoints for s in many for o in s.objects if o.keypoints is not None):
        assert joints.shape == (18, 3)
        assert 0.02 < joints[[10, 13], 1].min() < 0.12  # the lower ankle
        assert 1.3 < joints[0, 1] < 2.0  # the nose


if __name__ == "__main__":
    stored = [facts(sample_scene(GOLDEN_SEED, index)) for index in range(NUM_GOLDEN)]
    GOLDEN.write_text(json.dumps(stored, indent=1) + "\n")
