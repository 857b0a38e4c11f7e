"""A T2I-Adapter as a control: its algebra, when it is run, and what is refused."""

import pytest
import torch
from torch import Tensor

from adapters import KINDS, random_adapter, random_network
from networks import random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.adapter import Adapter
from zeroconv.control import Control
from zeroconv.errors import UserError
from zeroconv.sampling import ControlInput, Moment, combined_control, guided_noise
from zeroconv.sampling.layer_weights import layer_weights

NOW = Moment(torch.tensor(500), 0, 4)


def control_of(entry: ControlInput, *, guided: bool = False) -> Control:
    unet = small_base().unet
    negative = random_text(unet, seed=7) if guided else None
    control = combined_control([entry], random_latents(unet), NOW, random_text(unet), negative)
    assert control is not None
    return control


@pytest.mark.parametrize("kind", KINDS)
def test_its_features_are_those_of_the_scales_they_are_added_to(kind: str) -> None:
    adapter, base = random_adapter(kind), small_base("sdxl" if kind == "full_adapter_xl" else "sd15")
    latents, condition = random_latents(base.unet), random_condition()
    control = adapter(latents, adapter.encode_condition(condition))
    assert control.residuals == () and len(control.features) == len(adapter.levels) == len(adapter.widths) == 4
    for feature, width, level in zip(control.features, adapter.widths, adapter.levels, strict=True):
        assert feature.shape == (2, width, 8 // 2**level, 8 // 2**level)
    prediction = base.predict_noise(latents, NOW.timestep, random_text(base.unet), control)
    alone = base.predict_noise(latents, NOW.timestep, random_text(base.unet))
    assert (prediction - alone).abs().max() > 1e-3
    assert torch.equal(base.predict_noise(latents, NOW.timestep, random_text(base.unet), control.scaled(0.0)), alone)


def test_it_is_run_once_for_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    base, adapter, calls = small_base(), random_adapter(), []
    encode = Adapter.encode_condition
    monkeypatch.setattr(Adapter, "encode_condition", lambda *given: (calls.append(1), encode(*given))[1])
    text = random_text(base.unet, 1)
    predict = guided_noise(base, [ControlInput(adapter, random_condition(1))], text, text, 7.5)
    for step in range(3):
        predict(random_latents(base.unet), Moment(torch.tensor(500), step, 3))
    assert len(calls) == 1


def test_strengths_and_weights_of_each_picture() -> None:
    adapter, image = random_adapter(), random_condition()
    plain = control_of(ControlInput(adapter, image))
    scaled = control_of(ControlInput(adapter, image, torch.tensor([0.5, 2.0])))
    weighted = control_of(ControlInput(adapter, image, weights=(0.0, 1.0, 2.0, 3.0)))
    for index, (one, own, other) in enumerate(zip(plain.features, scaled.features, weighted.features, strict=True)):
        assert torch.equal(own[0], one[0] * 0.5) and torch.equal(own[1], one[1] * 2)
        assert torch.equal(other, one * index)


def test_a_mask_and_one_half_of_the_guidance() -> None:
    adapter, image = random_adapter(), random_condition()
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 32:] = 1
    entry = ControlInput(adapter, image, mask=mask, conditional_only=True)
    first = control_of(entry, guided=True).features[0]
    assert first.shape[0] == 4 and not first[:2].any()
    assert not first[2:, ..., :4].any() and bool(first[2:, ..., 4:].all())


def test_sums_with_controlnets_keep_both() -> None:
    base, adapter = small_base(), random_adapter()
    features = control_of(ControlInput(adapter, random_condition()))
    residuals = control_of(ControlInput(small_controlnet(base.unet), random_condition()))
    for total in (features + residuals, residuals + features):
        assert total.residuals == residuals.residuals and total.features == features.features
    twice = features + features
    assert all(torch.equal(two, one + one) for two, one in zip(twice.features, features.features, strict=True))
    assert len((features + residuals).scaled(0.5).parts) == 13 + 4
    with pytest.raises(UserError, match="expected 17 weights"):
        (features + residuals).scaled([1.0])


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (torch.zeros(1, 1, 64, 64), r"expected a condition \(B, 3, height, width\), got \(1, 1, 64, 64\)"),
        (torch.zeros(1, 3, 60, 64), r"multiples of 8 pixels, got \[60, 64\]"),
        (torch.zeros(1, 3, 128, 64), r"expected \(height, width\) \[64, 64\], got \[128, 64\]"),
    ],
)
def test_conditions_that_do_not_fit(condition: Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        control_of(ControlInput(random_adapter(), condition))


def test_weights_of_layers_are_one_a_feature() -> None:
    adapter = Adapter(random_network())
    assert layer_weights("flat", adapter) is None
    assert layer_weights("paper", adapter) == (1, 2, 4, 8)
    assert layer_weights("paper", random_adapter("full_adapter_xl")) == (2, 2, 4, 4)
    with pytest.raises(UserError, match="this T2I-Adapter has 4 features; got 2 weights"):
        layer_weights((1.0, 2.0), adapter)
