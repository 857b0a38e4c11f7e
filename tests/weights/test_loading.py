import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from sameness import same

from networks import small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.weights import (
    describe,
    load,
    save,
    to_diffusers,
    to_original,
)
from zeroconv.weights.loading import _check_family


class TestFamilies:
    def check(self, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
        names = {"in_channels": 4, "block_out_channels": (320, 640, 1280, 1280), "addition_embed_type": None}
        state = {
            "conv_in.weight": torch.empty(320, 4, 3, 3, device="meta"),
            **{
                f"down_blocks.{level}.resnets.0.conv1.weight": torch.empty(width, 1, 3, 3, device="meta")
                for level, width in enumerate(mine.get("block_out_channels", names["block_out_channels"]))
            },
        }
        if mine.get("addition_embed_type"):
            state["add_embedding.linear_1.weight"] = torch.empty(1280, 2816, device="meta")
        unet = types.SimpleNamespace(config={**names, **theirs})
        _check_family({**names, **mine}, state, types.SimpleNamespace(unet=unet, name="B", latent_channels=4))  # type: ignore[arg-type]

    def test_both_families_are_named(self) -> None:
        sd15, sd21 = {"cross_attention_dim": 768}, {"cross_attention_dim": 1024}
        sdxl = {
            "cross_attention_dim": 2048,
            "block_out_channels": (320, 640, 1280),
            "addition_embed_type": "text_time",
        }
        for same_family in (sd15, sd21, sdxl):
            self.check(same_family, same_family)
        with pytest.raises(UserError) as caught:
            self.check(sd21, sd15)
        assert str(caught.value) == (
            "this ControlNet was made for sd21 (text width 1024), the base B is sd15 (text width 768)."
        )
        with pytest.raises(UserError, match=r"sdxl \(text width 2048\).*sd21 \(text width 1024\)"):
            self.check(sdxl, sd21)
        with pytest.raises(UserError, match=r"sd15 \(text width 768\).*sdxl \(text width 2048\)"):
            self.check(sd15, sdxl)

    @pytest.mark.parametrize("layout", ["folder", "diffusers", "original"])
    def test_every_layout_is_checked(self, layout: str, base: BaseModel, tmp_path: Path) -> None:
        other = small_base("text additions")  # text width 64
        if layout == "folder":
            source = save(small_controlnet(base.unet), base, tmp_path / "net")
        else:
            source = tmp_path / "net.safetensors"
            save_file((to_diffusers if layout == "diffusers" else to_original)(small_controlnet(base.unet)), source)
        with pytest.raises(UserError, match=r"made for .*text width 32.*the base text additions is .*text width 64"):
            load(source, other)

    def test_sdxl_on_sd_and_back(self, base: BaseModel, tmp_path: Path) -> None:
        sdxl = small_base("sdxl")
        save_file(to_original(small_controlnet(sdxl.unet)), tmp_path / "xl.safetensors")
        with pytest.raises(UserError, match="levels 16/32/32"):
            load(tmp_path / "xl.safetensors", base)

    def test_a_controlnet_for_an_inpainting_base(self, tmp_path: Path, base: BaseModel) -> None:
        nine = small_base("inpainting")
        folder = save(small_controlnet(nine.unet), nine, tmp_path / "net")
        assert load(folder, nine).conv_in.in_channels == 9

    def test_another_base_of_the_family_warns_once_and_loads(self, folder: Path, base: BaseModel) -> None:
        unet = UNet2DConditionModel.from_config(base.unet.config)
        other = BaseModel("other", unet, base.vae, (), (), base.scheduler)
        with pytest.warns(UserWarning, match="trained on the base sd15") as caught:
            load(folder, other)
        assert len(caught) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load(folder, base)


class TestWholeModelFiles:
    def test_the_base_beside_it_is_left_out(self, base: BaseModel, controlnet: ControlNet, tmp_path: Path) -> None:
        whole = to_original(controlnet)
        whole["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(16, 4, 3, 3)
        whole["first_stage_model.encoder.conv_in.weight"] = torch.zeros(8, 3, 3, 3)
        torch.save({"state_dict": whole, "global_step": 5}, tmp_path / "whole.pth")
        assert same(load(tmp_path / "whole.pth", base), controlnet)
        assert describe(tmp_path / "whole.pth").layout == "original file with its base"

    def test_a_callback_of_lightning_is_inert(
        self, base: BaseModel, controlnet: ControlNet, tmp_path: Path, lightning: type
    ) -> None:
        content = {"state_dict": to_original(controlnet), "callbacks": {lightning: {"best": 1}}}
        torch.save(content, tmp_path / "model.ckpt")
        content["callbacks"] = {"made": lightning()}
        torch.save(content, tmp_path / "instance.ckpt")
        for name in ("model.ckpt", "instance.ckpt"):
            assert same(load(tmp_path / name, base), controlnet)

    def test_the_oldest_file_format(self, base: BaseModel, controlnet: ControlNet, tmp_path: Path) -> None:
        torch.save(to_original(controlnet), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
        assert same(load(tmp_path / "old.pth", base), controlnet)

    @pytest.fixture
    def lightning(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
        name = "pytorch_lightning.callbacks.model_checkpoint"
        made = type("ModelCheckpoint", (), {"__module__": name, "__init__": lambda self: setattr(self, "state", 1)})
        module = types.ModuleType(name)
        module.ModelCheckpoint = made  # type: ignore[attr-defined]
        for part in ("pytorch_lightning", "pytorch_lightning.callbacks"):
            monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
        monkeypatch.setitem(sys.modules, name, module)
        yield made
