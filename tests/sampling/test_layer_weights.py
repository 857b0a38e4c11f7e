"""The table of method.md's named schedules, for every architecture."""

import pytest

from networks import KINDS, random_condition, random_latents, random_text, small_controlnet, small_unet
from zeroconv.errors import UserError
from zeroconv.sampling.layer_weights import SCHEDULES, check_layer_weights, layer_weights, residual_levels
from zeroconv.variants import VARIANTS


@pytest.mark.parametrize("kind", KINDS)
def test_levels_are_the_sizes_of_the_residuals(kind: str) -> None:
    unet = small_unet(kind)
    labels = {"class_labels": random_latents(unet)[:, 0, 0, 0].long() * 0} if kind == "classes" else {}
    net = small_controlnet(unet)
    latents = random_latents(unet)
    control = net(latents, latents.new_tensor(1), random_text(unet), random_condition(), **labels)
    sizes = [residual.shape[-1] for residual in control.residuals]
    assert [8 // 2**level for level in residual_levels(net)] == sizes


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_have_levels_too(variant: str) -> None:
    net = small_controlnet(small_unet("sd15"), kind=VARIANTS[variant])
    assert residual_levels(net) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("name", "shallowest", "expected"),
    [
        ("paper", (1.0, 1.0), [1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 8]),
        ("paper-normalised", (0.125, 0.125), None),
        ("soft", (0.0994, 0.1460), [0.825 ** (12 - i) for i in range(13)]),
        ("logspace", (0.1, 0.1468), [10 ** (i / 12 - 1) for i in range(13)]),
    ],
)
def test_the_table(name: str, shallowest: tuple[float, float], expected: list[float] | None) -> None:
    weights = layer_weights(name, small_controlnet(small_unet("sd15")))
    assert weights is not None and (weights[0], weights[2]) == pytest.approx(shallowest, abs=1e-4)
    assert expected is None or weights == pytest.approx(expected, rel=1e-6)
    assert name == "paper" or weights[-1] == 1
    ratio = {"paper": 8, "paper-normalised": 8, "soft": 10.06, "logspace": 10}[name]
    assert weights[-1] / weights[0] == pytest.approx(ratio, abs=0.01)


def test_sdxl_ends_at_one_as_diffusers() -> None:
    net = small_controlnet(small_unet("sdxl"))
    for name in SCHEDULES:
        weights = layer_weights(name, net)
        assert weights is None if name == "flat" else len(weights or ()) == 10
    assert layer_weights("logspace", net) == pytest.approx([10 ** (i / 9 - 1) for i in range(10)], rel=1e-6)


def test_names_people_know_and_numbers() -> None:
    assert check_layer_weights("released", "canny") == "soft" and check_layer_weights("diffusers", "c") == "logspace"
    assert check_layer_weights("0/1/0.5", "canny") == (0.0, 1.0, 0.5)
    with pytest.raises(UserError, match="canny: unknown weights 'papr'; did you mean 'paper'"):
        check_layer_weights("papr", "canny")
    with pytest.raises(UserError, match="13 layers, skips and middle; got 2 weights"):
        layer_weights((1.0, 2.0), small_controlnet(small_unet("sd15")))
    assert layer_weights((1.0,) * 13, small_controlnet(small_unet("sd15"))) is None
