"""Every network has exactly the tensors of its published file, and answers with a map of the picture's proportions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import published_annotators as published
from zeroconv.conditions.networks import hed, lineart, lineart_anime, mlsd, openpose, pidinet

Build = Callable[[Any], torch.nn.Module]

LAYOUTS = [
    (hed.build, published.hed, 37, 14_716_168),
    (lineart.build, published.line_drawing, 24, 4_290_945),
    (lineart_anime.build, published.anime, 32, 54_405_505),
    (mlsd.build, published.mlsd_large, 362, 1_533_680),
    (openpose.build_body, published.openpose_body, 184, 52_311_446),
    (openpose.build_hand, published.openpose_hand, 104, 36_832_324),
    (openpose.build_face, published.openpose_face, 104, 38_425_706),
]


@pytest.mark.parametrize(("build", "layout", "tensors", "parameters"), LAYOUTS)
def test_names_and_shapes_are_the_published_ones(
    build: Build, layout: Callable[[], published.Layout], tensors: int, parameters: int
) -> None:
    expected = {key.removeprefix("module."): shape for key, shape in layout().items()}
    with torch.device("meta"):
        network = build(expected)
    assert {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()} == expected
    assert len(expected) == tensors
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@torch.inference_mode()
def test_soft_edges_have_the_size_of_the_picture() -> None:
    torch.manual_seed(0)
    for network, size in ((hed.HED(), (33, 50)), (pidinet.PiDiNet(4, 2), (33, 50)), (lineart.LineDrawing(1), (32, 48))):
        edges = network.eval()(torch.rand(2, 3, *size))
        assert edges.shape == (2, 1, *size)
        assert 0 <= edges.min() <= edges.max() <= 1


def plain_openpose(tensors: dict[str, torch.Tensor], image: torch.Tensor, last_of_trunk: str) -> torch.Tensor:
    """The maps by the file's own order of layers: the trunk up to `last_of_trunk`, then branch by branch."""

    def convolve(x: torch.Tensor, name: str) -> torch.Tensor:
        weight = tensors[f"{name}.weight"]
        return F.conv2d(x, weight, tensors[f"{name}.bias"], padding=weight.shape[2] // 2)

    names = list(dict.fromkeys(key.rpartition(".")[0] for key in tensors))
    trunk = sorted(name for name in names if name.startswith(("conv1", "conv2", "conv3", "conv4")))
    trunk += [name for name in ("conv5_1", "conv5_2", "conv5_3_CPM") if name in names]
    features, pooled = image, ("conv2_1", "conv3_1", "conv4_1")
    for name in trunk:
        features = convolve(F.max_pool2d(features, 2) if name in pooled else features, name).relu()
    assert trunk[-1] == last_of_trunk
    seen = features
    for stage in range(1, 7):
        said = []
        for branch in ("L1", "L2") if "conv5_5_CPM_L1" in names else ("",):
            first = [name for name in names if name not in trunk and "stage" not in name and name.endswith(branch)]
            later = [f"Mconv{n}_stage{stage}{branch and '_'}{branch}" for n in range(1, 8)]
            x = seen
            for name in (chosen := first if stage == 1 else later):
                x = convolve(x, name) if name == chosen[-1] else convolve(x, name).relu()
            said.append(x)
        seen = torch.cat((*said, features), 1)
    return torch.cat(said, 1)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("build", "layout", "last"),
    [
        (openpose.build_body, published.openpose_body, "conv4_4_CPM"),
        (openpose.build_hand, published.openpose_hand, "conv5_3_CPM"),
        (openpose.build_face, published.openpose_face, "conv5_3_CPM"),
    ],
)
def test_openpose_answers_as_the_table_of_its_layers(
    build: Build, layout: Callable[[], published.Layout], last: str
) -> None:
    tensors = published.random_tensors(layout())
    with torch.device("meta"):
        network = build(tensors)
    network.load_state_dict(tensors, assign=True)
    image = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0)) - 0.5
    expected = plain_openpose(tensors, image, last)
    if last == "conv4_4_CPM":
        assert (expected[:, 38:] < 0).any()
        expected[:, 38:].relu_()
    made = network(image)
    assert made.shape[2:] == (3, 4)
    assert torch.allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("kind", pidinet.KINDS)
def test_difference_kernels_see_differences(kind: str) -> None:
    """A flat picture has none, except to the plain convolution; central: sum of w * (neighbour - centre)."""
    weight = torch.randn(5, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    kernel = pidinet.difference_kernel(weight, kind)
    sums = kernel.sum((2, 3))
    if kind == "plain":
        assert torch.equal(kernel, weight)
    else:
        assert sums.abs().max() < 1e-5
        assert kernel.abs().max() > 0.1
    if kind == "radial":
        assert kernel.shape == (5, 1, 5, 5)
        assert torch.equal(kernel[:, :, 0, 0], weight[:, :, 0, 1])
        assert torch.equal(kernel[:, :, 1, 1], -weight[:, :, 0, 1])
    if kind == "central":
        assert torch.allclose(kernel[:, :, 1, 1], weight[:, :, 1, 1] - weight.sum((2, 3)))
    if kind == "angular":
        assert torch.equal(kernel[:, :, 0, 1], weight[:, :, 0, 1] - weight[:, :, 0, 0])
        assert torch.equal(kernel[:, :, 1, 1], torch.zeros(5, 1))


def test_segments_are_read_from_centres_and_displacements() -> None:
    maps = torch.zeros(1, 9, 20, 30)
    maps[:, 0] = -9
    maps[0, :5, 10, 12] = torch.tensor([3.0, -5, -2, 6, 4])
    maps[0, :5, 10, 13] = torch.tensor([2.0, -5, -2, 6, 4])  # beside a surer centre
    maps[0, :5, 4, 25] = torch.tensor([4.0, 0, 0, 1, 0])  # a short one
    assert mlsd.read_segments(maps, 0.1, 2.0).tolist() == [[7.0, 8.0, 18.0, 14.0]]
    assert mlsd.read_segments(maps, 0.1, 0.1).tolist() == [[25.0, 4.0, 26.0, 4.0], [7.0, 8.0, 18.0, 14.0]]
    assert mlsd.read_segments(maps, 0.99, 0.1).shape == (0, 4)
    assert mlsd.read_segments(maps[..., :4, :4], 0.5, 0.1).shape == (0, 4)
