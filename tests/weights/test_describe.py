from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from networks import small_base, small_controlnet
from singlefiles import FAMILIES, golden, write_sparse
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.variants import VARIANTS
from zeroconv.weights import (
    describe,
    save,
    to_diffusers,
    to_original,
)


class TestDescribe:
    def test_our_folder(self, folder: Path, controlnet: ControlNet) -> None:
        found = describe(folder)
        assert (found.kind, found.layout, found.condition) == ("ControlNet", "diffusers folder", "canny")
        assert found.parameters == sum(parameter.numel() for parameter in controlnet.parameters())
        assert found.dtype == "float32"
        text = str(found)
        for part in (
            "canny",
            "text width",
            "32",
            "low=100",
            "12 + 1 in the middle",
            "16/32/32/32",
            "steps=7",
            f"{found.parameters:,}",
        ):
            assert part in text, part

    @pytest.mark.parametrize("kind", ["sd15", "sdxl"])
    @pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
    def test_files(self, kind: str, suffix: str, tmp_path: Path) -> None:
        net = small_controlnet(small_base(kind).unet)
        for layout, state in (("diffusers file", to_diffusers(net)), ("original file", to_original(net))):
            file = tmp_path / f"net{suffix}"
            save_file(state, file) if suffix == ".safetensors" else torch.save(state, file)
            found = describe(file)
            assert (found.kind, found.layout, found.condition) == ("ControlNet", layout, None)
            assert found.parameters == sum(parameter.numel() for parameter in net.parameters())
            assert found.facts["pixels per latent"] == "8"
            assert "not recorded" in str(found)

    @pytest.mark.parametrize("name", ["lite", "modulation"])
    def test_own_variants(self, name: str, base: BaseModel, tmp_path: Path) -> None:
        net = small_controlnet(base.unet, kind=VARIANTS[name])
        found = describe(save(net, base, tmp_path / "net"))
        assert "cannot run" in found.layout and name in str(found) and found.facts["levels"] == "16/32/32/32"
        assert found.parameters == sum(parameter.numel() for parameter in net.parameters())

    def test_a_base(self, sdxl_folder: Path, sd21_folder: Path) -> None:
        found = describe(sdxl_folder)
        assert (found.kind, found.facts["text encoders"], found.facts["prediction"]) == ("base", "2", "epsilon")
        assert describe(sd21_folder).facts["prediction"] == "v_prediction"

    def test_a_unet(self, sd15_folder: Path, tmp_path: Path) -> None:
        found = describe(sd15_folder / "unet")
        assert (found.kind, found.layout) == ("U-Net", "diffusers folder")
        file = describe(sd15_folder / "unet" / "diffusion_pytorch_model.safetensors")
        assert (file.kind, file.layout) == ("U-Net", "diffusers file")
        assert file.parameters == found.parameters

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_released_base(self, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """At its full size, of which nothing but the names is read."""
        monkeypatch.setattr("zeroconv.tensor_files.read_tensors", lambda _: pytest.fail("weights were read"))
        file = write_sparse(golden(family), tmp_path / "base.safetensors", torch.float16)
        found = describe(file)
        assert (found.kind, found.layout, found.family, found.dtype) == ("base", "original file", family, "float16")
        assert found.facts["holds"] == "U-Net, autoencoder, text encoder" and "missing" not in found.facts
        assert ("not recorded" in found.facts["prediction"]) == (family == "sd21")
        state = {key: value for key, value in golden(family).items() if not key.startswith("first_stage_model.")}
        state |= {f"{key}.weight": torch.empty(1) for key in ("strange", "model.diffusion_model.strange")}
        found = describe(write_sparse(state, tmp_path / "part.safetensors"))
        assert found.facts["missing"] == "autoencoder" and "2: model.diffusion_model.strange" in str(found)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_released_controlnets(self, family: str, tmp_path: Path) -> None:
        state = golden(f"controlnet-{family}")
        bare = {key.removeprefix("control_model."): value for key, value in state.items()}
        names = ("control_v11p_sd15_openpose", "softedge-fp16", "net")
        for name, condition, content in zip(
            names, ("pose", "hed", None), (state, bare, state | golden(family)), strict=True
        ):
            found = describe(write_sparse(content, tmp_path / f"{name}.safetensors"))
            layout = "original file with its base" if content is not state and content is not bare else "original file"
            assert (found.kind, found.family, found.layout) == ("ControlNet", family, layout)
            assert found.condition == condition
            assert ("by the file's name" in str(found)) == (condition is not None)

    def test_unknown_things(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="is not a ControlNet"):
            describe(tmp_path)
        (tmp_path / "notes.txt").write_text("hello")
        with pytest.raises(UserError, match="is not a checkpoint"):
            describe(tmp_path / "notes.txt")
        with pytest.raises(UserError, match="absent"):
            describe(tmp_path / "absent")
