"""Condition images from ground truth: right for hand-made renders, and agreeing with what is seen in real ones."""

import cv2
import numpy as np
import pytest
import torch

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.scenes import CLASSES, PALETTE, Render, render, sample_scene
from zeroconv.scenes.outlines import find_outlines
from zeroconv.scenes.solids import Surface, solid
from zeroconv.scenes.straight import _frustum_sides, _polyhedron_edges, straight_edges
from zeroconv.scenes.truth import CONDITIONS, condition_images

SIZE = 96
LINES = ("canny", "hough", "hed", "scribble", "lineart")


@pytest.fixture(scope="module")
def scenes():
    wanted = [
        (("cube",), "meadow"), (("sphere",), "meadow"), (("cone", "cylinder"), "room"),
        (("person", "house"), "snow"), (("ring", "tree", "pyramid"), "studio"),
    ]  # fmt: skip
    return [sample_scene(4, i, kinds=kinds, background=place) for i, (kinds, place) in enumerate(wanted)]


@pytest.fixture(scope="module")
def rendered(scenes):
    return render(scenes, SIZE, supersample=1)


@pytest.fixture(scope="module")
def pictures(rendered, scenes):
    return {name: condition_images(name, rendered, scenes) for name in CONDITIONS}


def hand_made(depth, normal=None):
    """A render of one picture that holds nothing but this depth (H, H) and these normals (H, H, 3)."""
    depth = torch.tensor(depth, dtype=torch.float32)[None]
    normals = torch.zeros(*depth.shape, 3) if normal is None else torch.tensor(normal, dtype=torch.float32)[None]
    ids = torch.zeros(depth.shape, dtype=torch.uint8)
    return Render(torch.zeros(*depth.shape, 3, dtype=torch.uint8), depth, normals, ids, ids, ((),))


def distance_to(mask):
    """Distance (H, H) in pixels from each pixel to the nearest one of a mask."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def take(rendered, position):
    tensors = (rendered.rgb, rendered.depth, rendered.normal, rendered.classes, rendered.instances)
    return Render(*(t[position : position + 1] for t in tensors), (rendered.keypoints[position],))


def test_every_known_condition_is_there():
    assert set(CONDITIONS) <= set(conditions.names())
    assert len(CONDITIONS) == 9


def test_a_condition_that_no_scene_knows_is_refused():
    with pytest.raises(UserError, match="no ground truth for shuffle"):
        condition_images("shuffle", None, [])


@pytest.mark.parametrize("name", CONDITIONS)
def test_pictures_are_rgb_bytes_of_the_renders_size(pictures, name):
    assert pictures[name].shape == (5, SIZE, SIZE, 3)
    assert pictures[name].dtype == np.uint8
    assert pictures[name][0].any() or name == "pose"


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_picture_depends_on_its_scene_alone(rendered, scenes, pictures, name):
    alone = condition_images(name, take(rendered, 3), scenes[3:4])
    np.testing.assert_array_equal(alone[0], pictures[name][3])


@pytest.mark.parametrize("name", LINES)
def test_lines_are_white_on_black(pictures, name):
    assert pictures[name].mean() < 80
    assert all(
        picture.max() > 150 for position, picture in enumerate(pictures[name]) if name != "hough" or position != 1
    )
    assert (pictures[name] == pictures[name][..., :1]).all()


@pytest.mark.parametrize("name", ["canny", "hough", "scribble"])
def test_hard_lines_have_two_values(pictures, name):
    assert set(np.unique(pictures[name])) == {0, 255}


@pytest.mark.parametrize("name", ["hed", "lineart"])
def test_soft_lines_have_values_between(pictures, name):
    assert len(np.unique(pictures[name])) > 50


def test_aliases_are_understood_and_other_names_are_not(rendered, scenes, pictures):
    np.testing.assert_array_equal(condition_images("openpose", rendered, scenes), pictures["pose"])
    with pytest.raises(UserError, match="did you mean 'depth'"):
        condition_images("dept", rendered, scenes)


def test_canny_is_of_the_colour_picture(rendered, pictures):
    for picture, edges in zip(rendered.rgb.numpy(), pictures["canny"], strict=True):
        np.testing.assert_array_equal(edges[..., 0], cv2.Canny(picture, 100, 200))


def test_depth_is_inverse_with_near_bright_and_the_sky_black():
    made = condition_images("depth", hand_made([[1.0, 2.0], [4.0, np.inf]]), [None])
    assert made[0, :, :, 0].tolist() == [[255, 128], [64, 0]]


def test_depth_without_sky_reaches_from_black_to_white():
    made = condition_images("depth", hand_made([[2.0, 3.0], [6.0, 6.0]]), [None])
    assert made[0, :, :, 0].tolist() == [[255, 128], [0, 0]]
    assert not condition_images("depth", hand_made([[5.0, 5.0], [5.0, 5.0]]), [None]).any()


def test_normals_are_red_to_the_left_green_to_the_top_blue_to_the_front():
    left, up, front, sky = (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)
    made = condition_images("normal", hand_made([[1.0, 1.0], [1.0, np.inf]], [[left, up], [front, sky]]), [None])
    assert made[0].tolist() == [[[255, 128, 128], [128, 255, 128]], [[128, 128, 255], [128, 128, 255]]]


def test_a_spheres_left_side_is_redder_than_its_right(rendered, pictures):
    rows, columns = np.nonzero(rendered.instances[1].numpy() == 1)
    row = int(rows.mean())
    across = columns[rows == row]
    colours = pictures["normal"][1, row].astype(int)
    assert colours[across.min() + 1, 0] > 200 > 60 > colours[across.max() - 1, 0]
    column = int(columns.mean())
    along = rows[columns == column]
    assert pictures["normal"][1, along.min() + 1, column, 1] > 180


def test_classes_can_be_read_back_from_their_colours(rendered, pictures):
    assert len({tuple(colour) for colour in PALETTE.tolist()}) == len(CLASSES)
    ids = (pictures["segmentation"][..., None, :] == PALETTE).all(-1).argmax(-1)
    np.testing.assert_array_equal(ids, rendered.classes.numpy())


def test_straight_edges_lie_where_surfaces_end_or_fold(rendered, pictures):
    found = find_outlines(rendered)
    for position in (0, 2, 4):  # of the house's door and window not every side is a step
        lines = found.silhouettes[position] | found.folds[position]
        away = distance_to(lines)[pictures["hough"][position, :, :, 0] > 0]
        assert np.quantile(away, 0.95) <= 1.5


def test_a_cube_has_straight_edges_to_its_outermost_corners_and_a_sphere_none(rendered, scenes):
    depth, instances = rendered.depth.numpy(), rendered.instances.numpy()
    edges = straight_edges(scenes[0], depth[0])
    assert 7 <= len(edges) <= 12  # three faces have nine edges, two have seven
    rows, columns = np.nonzero(instances[0] == 1)
    for axis, of_mask in ((0, columns), (1, rows)):
        assert edges[..., axis].min() == pytest.approx(of_mask.min(), abs=1.5)
        assert edges[..., axis].max() == pytest.approx(of_mask.max() + 1, abs=1.5)
    assert len(straight_edges(scenes[1], depth[1])) == 0


def test_only_edges_of_faces_towards_the_eye_are_followed():
    cube = solid("cube", 0.0, 0.0, 1.0, 0.0, Surface((1.0, 0.0, 0.0)))
    for eye, num_edges in (([5.0, 4.0, -6.0], 9), ([0.0, 4.0, -6.0], 7), ([0.0, 0.5, -6.0], 4)):
        edges = list(_polyhedron_edges(cube, np.array(eye)))
        assert len(edges) == num_edges  # three, two and one of its faces are seen
        np.testing.assert_allclose([np.linalg.norm(b - a) for a, b in edges], 1.64, rtol=1e-6)


@pytest.mark.parametrize("kind", ["cone", "cylinder"])
def test_sight_grazes_the_sides_of_round_solids(kind):
    piece, eye = solid(kind, 0.3, -0.2, 0.7, 0.0, Surface((1.0, 0.0, 0.0))), np.array([0.4, 1.4, -3.0])
    x, z, low, high, r0, r1 = piece.parameters
    sides = list(_frustum_sides(piece, eye))
    assert len(sides) == 2
    for foot, top in sides:
        assert (foot[1], top[1]) == (low, high)
        outward = np.array([foot[0] - x, 0.0, foot[2] - z]) / r0
        normal = outward - np.array([0.0, (r1 - r0) / (high - low), 0.0])
        for point in (foot, top):
            assert normal @ (eye - point) == pytest.approx(0.0, abs=1e-9)


def test_nothing_hidden_is_drawn_as_a_straight_edge(rendered, scenes):
    wall_foot_alone = np.zeros_like(rendered.depth[2].numpy()) + 0.5  # a screen right before the camera
    assert len(straight_edges(scenes[2], wall_foot_alone)) == 0


def test_the_sides_of_cone_and_cylinder_touch_their_outlines(rendered, scenes):
    scene, instances = scenes[2], rendered.instances[2].numpy()
    edges = straight_edges(scene, rendered.depth[2].numpy())
    steep = [e for e in edges if abs(e[1, 1] - e[0, 1]) > abs(e[1, 0] - e[0, 0])]
    assert len(steep) == 4
    to_outline = distance_to(find_outlines(rendered).silhouettes[2])
    for edge in steep:
        middle = edge.mean(axis=0).astype(int)
        assert to_outline[middle[1], middle[0]] <= 1.5
    assert instances.max() == 2


def test_soft_edges_and_line_art_follow_every_silhouette(rendered, pictures):
    for position, silhouettes in enumerate(find_outlines(rendered).silhouettes):
        for name, least in (("hed", 180), ("lineart", 90)):
            around = cv2.dilate(pictures[name][position, :, :, 0], np.ones((3, 3), np.uint8))
            assert np.quantile(around[silhouettes], 0.05) >= least


def test_outlines_are_one_pixel_on_the_nearer_surface():
    depth, normal = np.full((8, 8), 5.0), np.zeros((8, 8, 3))
    depth[:, 4:], normal[..., 2] = 3.0, 1.0
    instances = torch.zeros(1, 8, 8, dtype=torch.uint8)
    instances[:, :, 4:] = 1
    made = hand_made(depth, normal)
    found = find_outlines(Render(made.rgb, made.depth, made.normal, made.classes, instances, ((),)))
    assert found.silhouettes[0].all(axis=0).tolist() == [column == 4 for column in range(8)]
    assert not found.folds.any() and not found.steps.any()
    within = find_outlines(made)  # the same jump, within one object
    assert within.steps[0].all(axis=0).tolist() == [column == 4 for column in range(8)]
    assert not within.silhouettes.any()


def test_scribbles_stay_near_the_outlines_and_wobble_by_scene(rendered, scenes, pictures):
    for position, silhouettes in enumerate(find_outlines(rendered).silhouettes):
        stroke = pictures["scribble"][position, :, :, 0] > 0
        assert distance_to(silhouettes)[stroke].max() < 7
        assert distance_to(stroke)[silhouettes].max() < 5
    other = condition_images(
        "scribble", take(rendered, 1), [sample_scene(5, 1, kinds=("sphere",), background="meadow")]
    )
    assert (other[0] != pictures["scribble"][1]).mean() > 0.01


def test_the_skeleton_lies_on_the_person(rendered, pictures):
    person = rendered.instances[3].numpy() == 1
    drawn = pictures["pose"][3].any(axis=2)
    assert drawn.sum() > 30
    assert (distance_to(person)[drawn] <= 1.5).mean() > 0.95
    assert not pictures["pose"][[0, 1, 2, 4]].any()
