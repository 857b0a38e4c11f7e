"""Every network has exactly the tensors of its published file, and answers with a map of the picture's proportions."""

from types import ModuleType

import pytest
import torch

import published_annotators as published
from zeroconv.conditions.networks import hed, lineart, lineart_anime, mlsd, pidinet

LAYOUTS = [
    (hed, published.hed, 37, 14_716_168),
    (lineart, published.line_drawing, 24, 4_290_945),
    (lineart_anime, published.anime, 32, 54_405_505),
    (mlsd, published.mlsd_large, 362, 1_533_680),
]


@pytest.mark.parametrize(("module", "layout", "tensors", "parameters"), LAYOUTS)
def test_names_and_shapes_are_the_published_ones(
    module: ModuleType, layout: object, tensors: int, parameters: int
) -> None:
    expected = {key.removeprefix("module."): shape for key, shape in layout().items()}  # type: ignore[operator]
    with torch.device("meta"):
        network = module.build(expected)
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
