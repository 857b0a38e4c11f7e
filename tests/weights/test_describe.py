from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from networks import small_base, small_controlnet
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

    def test_an_original_base(self, controlnet: ControlNet, tmp_path: Path) -> None:
        inside = tuple(f"model.diffusion_model.{part}" for part in ("input_blocks", "middle_block.", "time_embed"))
        whole = to_original(controlnet, "model.diffusion_model.")
        state = {key: value for key, value in whole.items() if key.startswith(inside)}
        state["model.diffusion_model.output_blocks.0.0.weight"] = torch.zeros(2)
        save_file(state, tmp_path / "base.safetensors")
        found = describe(tmp_path / "base.safetensors")
        assert (found.kind, found.layout, found.facts["levels"]) == ("U-Net", "original file", "16/32/32/32")

    def test_unknown_things(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="is not a ControlNet"):
            describe(tmp_path)
        (tmp_path / "notes.txt").write_text("hello")
        with pytest.raises(UserError, match="is not a checkpoint"):
            describe(tmp_path / "notes.txt")
        with pytest.raises(UserError, match="absent"):
            describe(tmp_path / "absent")
