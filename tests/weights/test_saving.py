import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoModel, ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from sameness import same

from networks import OWN_KINDS, random_condition, random_latents, random_text, small_base, small_controlnet
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.variants import VARIANTS
from zeroconv.weights import (
    as_diffusers,
    load,
    load_with_sidecar,
    save,
    to_diffusers,
    to_original,
)


class TestSave:
    def test_three_files_and_nothing_left_over(self, folder: Path) -> None:
        expected = ["config.json", "diffusion_pytorch_model.safetensors", "zeroconv.json"]
        assert sorted(path.name for path in folder.iterdir()) == expected
        assert [path.name for path in folder.parent.iterdir()] == ["net"]

    def test_whoever_may_read_one_file_may_read_all(self, folder: Path) -> None:
        assert len({path.stat().st_mode for path in folder.iterdir()}) == 1

    def test_the_sidecar_comes_back_with_base_and_variant(self, folder: Path, base: BaseModel) -> None:
        _, sidecar = load_with_sidecar(folder, base)
        assert sidecar.condition == "canny" and sidecar.condition_options == {"low": 100, "high": 200}
        assert sidecar.training == {"steps": 7, "curve": [1, 2]}
        assert sidecar.range == (0.0, 1.0) and sidecar.channel_order == "RGB" and sidecar.schema == 1
        assert sidecar.variant == "full"
        assert (sidecar.base, sidecar.base_fingerprint) == (base.name, base.fingerprint())

    def test_half_precision_halves_the_file(self, base: BaseModel, controlnet: ControlNet, tmp_path: Path) -> None:
        half = save(controlnet, base, tmp_path / "half", dtype=torch.float16)
        state = load_file(half / "diffusion_pytorch_model.safetensors")
        assert {value.dtype for value in state.values()} == {torch.float16}
        again = load(half, base)
        assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}
        for key, value in controlnet.state_dict().items():
            assert torch.equal(again.state_dict()[key], value.half().float())

    def test_a_second_save_replaces_the_first(self, folder: Path, base: BaseModel) -> None:
        other = small_controlnet(base.unet, seed=5)
        save(other, base, folder)
        loaded, sidecar = load_with_sidecar(folder, base)
        assert same(loaded, other) and sidecar.condition is None

    def test_a_failure_leaves_the_earlier_folder(
        self, folder: Path, base: BaseModel, controlnet: ControlNet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = {path.name: path.read_bytes() for path in folder.iterdir()}

        def full(*_: object, **__: object) -> None:
            raise OSError("no space left")

        monkeypatch.setattr("safetensors.torch.save_file", full)
        with pytest.raises(OSError, match="no space"):
            save(small_controlnet(base.unet, seed=5), base, folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert [path.name for path in folder.parent.iterdir()] == ["net"]

    def test_a_bases_place_on_this_machine_is_not_written(self, controlnet: ControlNet, tmp_path: Path) -> None:
        place = tmp_path / "home" / "my-base"
        place.mkdir(parents=True)
        small = small_base("sd15")
        base = BaseModel(str(place), small.unet, small.vae, (), (), small.scheduler)
        folder = save(controlnet, base, tmp_path / "net")
        assert json.loads((folder / "zeroconv.json").read_text())["base"] == "my-base"


class TestVariants:
    @pytest.mark.parametrize("name", VARIANTS)
    def test_every_variant_comes_back_as_itself(self, name: str, base: BaseModel, tmp_path: Path) -> None:
        mine = small_controlnet(base.unet, kind=VARIANTS[name])
        loaded, sidecar = load_with_sidecar(save(mine, base, tmp_path / "net"), base)
        assert type(loaded) is VARIANTS[name] and sidecar.variant == name and same(loaded, mine)
        assert loaded.conditioning_channels == mine.conditioning_channels

    @pytest.mark.parametrize("name", ["full", "gaussian", "middle"])
    def test_copies_are_run_by_diffusers(self, name: str, base: BaseModel, tmp_path: Path) -> None:
        mine = small_controlnet(base.unet, kind=VARIANTS[name])
        if name == "middle":
            for joint in mine.zero_convolutions:  # as training leaves them
                torch.nn.init.zeros_(joint.weight), torch.nn.init.zeros_(joint.bias)
        folder = save(mine, base, tmp_path / "net")
        latents, text, condition = random_latents(base.unet), random_text(base.unet), random_condition()
        with torch.no_grad():
            expected = mine(latents, torch.tensor([7, 801]), text, condition)
            for theirs in (as_diffusers(mine), ControlNetModel.from_pretrained(folder, low_cpu_mem_usage=False)):
                skips, middle = theirs(latents, torch.tensor([7, 801]), text.tokens, condition, return_dict=False)
                for one, other in zip((*skips, middle), expected.residuals, strict=True):
                    torch.testing.assert_close(one, other)
        assert any(residual.any() for residual in expected.residuals)

    @pytest.mark.parametrize("name", ["lite", "modulation"])
    def test_what_is_no_copy_is_refused_where_diffusers_is_asked(
        self, name: str, base: BaseModel, tmp_path: Path
    ) -> None:
        mine = small_controlnet(base.unet, kind=VARIANTS[name])
        for form in (as_diffusers, to_original):
            with pytest.raises(UserError, match=f"variant {name}"):
                form(mine)
        folder = save(mine, base, tmp_path / "net")
        assert json.loads((folder / "config.json").read_text())["_class_name"] == "ZeroconvControlNet"
        for loader in (AutoModel, ControlNetModel):
            with pytest.raises(Exception):  # noqa: B017 - whatever diffusers says, it must not load it
                loader.from_pretrained(folder, low_cpu_mem_usage=False)

    def test_files_with_the_former_name_are_the_papers(self, folder: Path, base: BaseModel) -> None:
        path = folder / "zeroconv.json"
        path.write_text(path.read_text().replace('"variant": "full"', '"variant": "controlnet"'))
        loaded, sidecar = load_with_sidecar(folder, base)
        assert type(loaded) is ControlNet and sidecar.variant == "full"

    def test_a_variant_of_a_newer_version_is_named(self, folder: Path, base: BaseModel) -> None:
        path = folder / "zeroconv.json"
        path.write_text(path.read_text().replace('"variant": "full"', '"variant": "mini"'))
        with pytest.raises(UserError, match=r"no variant of ControlNet 'mini'; .*known: full, gaussian"):
            load_with_sidecar(folder, base)

    @pytest.mark.parametrize("kind", OWN_KINDS)
    def test_what_diffusers_cannot_copy_comes_back(self, kind: str, tmp_path: Path) -> None:
        base = small_base(kind)
        mine = small_controlnet(base.unet)
        folder = save(mine, base, tmp_path / "net")
        assert json.loads((folder / "config.json").read_text())["_class_name"] == "ZeroconvControlNet"
        assert same(load(folder, base), mine)

    def test_a_base_with_unknown_settings_gets_the_own_class(self, tmp_path: Path) -> None:
        unet = UNet2DConditionModel(
            block_out_channels=(16,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            mid_block_type="UNetMidBlock2D",
            norm_num_groups=8,
            resnet_out_scale_factor=0.5,
        )
        with pytest.raises(UserError, match=r"resnet_out_scale_factor=0\.5"):
            as_diffusers(ControlNet(unet))

    @pytest.mark.parametrize("options", [{"condition_channels": 7}, {"global_pool": True}, {"condition_channels": 1}])
    def test_options_come_back(self, options: dict[str, Any], base: BaseModel, tmp_path: Path) -> None:
        loaded = load(save(small_controlnet(base.unet, **options), base, tmp_path / "net"), base)
        assert {name: getattr(loaded, name) for name in options} == options

    def test_another_latent_factor_comes_back(self, base: BaseModel, tmp_path: Path) -> None:
        mine = small_controlnet(base.unet, factor=4, conditioning_channels=(4, 8, 8))
        assert load(save(mine, base, tmp_path / "net"), base).factor == 4
        save_file(to_diffusers(mine), tmp_path / "bare.safetensors")
        assert load(tmp_path / "bare.safetensors", base).factor == 4
        save_file(to_original(mine), tmp_path / "original.safetensors")
        assert same(load(tmp_path / "original.safetensors", base), mine)
