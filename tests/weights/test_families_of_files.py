"""Every pair of a released base and a released ControlNet, by their names and shapes: fits, or both are named."""

import types
from pathlib import Path

import pytest

from singlefiles import FAMILIES, golden
from zeroconv.base.single_file.layout import layout_of
from zeroconv.errors import UserError
from zeroconv.weights.architecture import config_of_shapes
from zeroconv.weights.loading import _check_family, canonical

WIDTHS = {"sd15": 768, "sd21": 1024, "sdxl": 2048}


@pytest.mark.parametrize("base", FAMILIES)
@pytest.mark.parametrize("control", FAMILIES)
@pytest.mark.parametrize("bare", [False, True])
def test_released_files_fit_or_both_families_are_named(base: str, control: str, bare: bool) -> None:
    unet = types.SimpleNamespace(config=layout_of(golden(base), Path("base.safetensors")).unet)
    loaded = types.SimpleNamespace(unet=unet, name="base.safetensors", latent_channels=4)
    state = golden(f"controlnet-{control}")
    if bare:
        state = {key.removeprefix("control_model."): value for key, value in state.items()}
    found = canonical(state, Path("control.pth"))
    config = config_of_shapes(found, unet.config)
    if base == control:
        _check_family(config, found, loaded)  # type: ignore[arg-type]
        return
    with pytest.raises(UserError) as caught:
        _check_family(config, found, loaded)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"this ControlNet was made for {control} (text width {WIDTHS[control]}), "
        f"the base base.safetensors is {base} (text width {WIDTHS[base]})."
    )


def test_an_inpainting_base_takes_the_familys_controlnets() -> None:
    config = {**layout_of(golden("sd15"), Path("base")).unet, "in_channels": 9}
    loaded = types.SimpleNamespace(unet=types.SimpleNamespace(config=config), name="base", latent_channels=4)
    found = canonical(golden("controlnet-sd15"), Path("control.pth"))
    _check_family(config_of_shapes(found, config), found, loaded)  # type: ignore[arg-type]
