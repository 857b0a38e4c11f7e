"""Backgrounds by border colours: trustworthy on true pictures, at a loss on others."""

import numpy as np

from zeroconv.evaluation.backgrounds import backgrounds_right, is_background_named, walls_right
from zeroconv.evaluation.held_out import HeldOut, held_out_scenes


def many_scenes() -> HeldOut:
    return held_out_scenes(120, 32)


def test_the_rule_knows_true_pictures_and_not_pictures_of_other_scenes() -> None:
    held_out = many_scenes()
    for right, trusted, chance in ((backgrounds_right, 0.9, 0.4), (walls_right, 0.75, 0.4)):
        true = right(held_out, held_out.pictures)
        assert np.mean(list(true.values())) > trusted
        others = (*held_out.pictures[7:], *held_out.pictures[:7])
        assert np.mean(list(right(held_out, others).values())) < chance


def test_only_scenes_whose_caption_names_the_background_are_asked(few_scenes: HeldOut) -> None:
    answers = backgrounds_right(few_scenes, few_scenes.pictures)
    assert set(answers) == {k for k, scene in enumerate(few_scenes.scenes) if is_background_named(scene)}
    for scene in few_scenes.scenes:
        assert is_background_named(scene) == any(
            phrase.format(wall=scene.wall) in scene.caption for phrase in scene.background.phrases
        )


def test_walls_are_asked_of_indoor_scenes_only(few_scenes: HeldOut) -> None:
    answers = walls_right(few_scenes, few_scenes.pictures)
    assert answers
    assert all(few_scenes.scenes[k].wall is not None for k in answers)
