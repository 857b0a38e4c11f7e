import json
import os
import pickle
import shutil
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn

from networks import OWN_KINDS, small_base, small_controlnet
from zeroconv import weights
from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.weights import (
    Sidecar,
    as_diffusers,
    describe,
    file_hash,
    load,
    load_with_sidecar,
    save,
    to_diffusers,
    to_original,
)
from zeroconv.weights.loading import _check_family

SIDECAR = Sidecar(
    condition="canny",
    condition_options={"low": 100, "high": 200},
    polarity="white on black",
    training={"steps": 7, "curve": [1, 2]},
)


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return small_base("sd15")


@pytest.fixture(scope="module")
def controlnet(base: BaseModel) -> ControlNet:
    return small_controlnet(base.unet)


@pytest.fixture
def folder(base: BaseModel, controlnet: ControlNet, tmp_path: Path) -> Path:
    return save(controlnet, base, tmp_path / "net", sidecar=SIDECAR)


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(value, theirs[key]) for key, value in mine.items())


class TestSave:
    def test_three_files_and_nothing_left_over(self, folder: Path) -> None:
        expected = ["config.json", "diffusion_pytorch_model.safetensors", "zeroconv.json"]
        assert sorted(path.name for path in folder.iterdir()) == expected
        assert [path.name for path in folder.parent.iterdir()] == ["net"]

    def test_the_sidecar_comes_back_with_base_and_variant(self, folder: Path, base: BaseModel) -> None:
        _, sidecar = load_with_sidecar(folder, base)
        assert sidecar.condition == "canny" and sidecar.condition_options == {"low": 100, "high": 200}
        assert sidecar.training == {"steps": 7, "curve": [1, 2]}
        assert sidecar.range == (0.0, 1.0) and sidecar.channel_order == "RGB" and sidecar.schema == 1
        assert sidecar.variant == "controlnet"
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
    def test_only_mid_has_a_class_name_of_its_own(self, base: BaseModel, tmp_path: Path) -> None:
        mine = small_controlnet(base.unet, only_mid=True)
        folder = save(mine, base, tmp_path / "net")
        assert json.loads((folder / "config.json").read_text())["_class_name"] != "ControlNetModel"
        loaded, sidecar = load_with_sidecar(folder, base)
        assert loaded.only_mid and sidecar.variant == "only_mid" and same(loaded, mine)
        with pytest.raises(Exception):  # noqa: B017 - whatever diffusers says, it must not load it
            AutoModel.from_pretrained(folder, low_cpu_mem_usage=False)

    @pytest.mark.parametrize("kind", OWN_KINDS)
    def test_what_diffusers_cannot_copy_comes_back(self, kind: str, tmp_path: Path) -> None:
        base = small_base(kind)
        mine = small_controlnet(base.unet)
        folder = save(mine, base, tmp_path / "net")
        assert json.loads((folder / "config.json").read_text())["_class_name"] == "ZeroconvControlNet"
        assert same(load(folder, base), mine)

    def test_they_are_refused_where_diffusers_is_asked(self, base: BaseModel) -> None:
        mine = small_controlnet(base.unet, only_mid=True)
        with pytest.raises(UserError, match="only_mid"):
            as_diffusers(mine)
        with pytest.raises(UserError, match="only_mid"):
            to_original(mine)

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


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


class TestBadFiles:
    @pytest.mark.parametrize("old", [False, True])
    def test_code_in_a_pickle_is_refused_and_not_run(self, base: BaseModel, tmp_path: Path, old: bool) -> None:
        target = tmp_path / "executed"
        torch.save({"state_dict": Evil(target)}, tmp_path / "evil.pth", _use_new_zipfile_serialization=not old)
        for action in (lambda: load(tmp_path / "evil.pth", base), lambda: describe(tmp_path / "evil.pth")):
            with pytest.raises(UserError, match=r"refused.*mkdir.*could run code"):
                action()
        assert not target.exists()

    def test_a_bare_pickle_is_refused_and_not_run(self, base: BaseModel, tmp_path: Path) -> None:
        target = tmp_path / "executed"
        (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(Evil(target)))
        with pytest.raises(UserError, match=r"evil\.ckpt"):
            load(tmp_path / "evil.ckpt", base)
        assert not target.exists()

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
    @pytest.mark.parametrize("name", ["net.safetensors", "net.pth", "old.pth"])
    def test_a_file_cut_short(
        self, base: BaseModel, controlnet: ControlNet, tmp_path: Path, name: str, share: float
    ) -> None:
        file = tmp_path / name
        if name == "net.safetensors":
            save_file(to_original(controlnet), file)
        else:
            torch.save(to_original(controlnet), file, _use_new_zipfile_serialization=name == "net.pth")
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
        for action in (lambda: load(file, base), lambda: describe(file)):
            with pytest.raises(UserError, match=r"(cut short|damaged|not a checkpoint|refused)"):
                action()

    def test_a_folder_cut_short(self, folder: Path, base: BaseModel) -> None:
        file = folder / "diffusion_pytorch_model.safetensors"
        file.write_bytes(file.read_bytes()[:5000])
        with pytest.raises(UserError, match="damaged or cut short"):
            load(folder, base)

    @pytest.mark.parametrize(
        "content", [b"", b"hello world", b"\x89PNG\r\n\x1a\n" * 20, b'{"a": 1}' * 9, b"PK\x03\x04ab"]
    )
    def test_something_else_entirely(self, base: BaseModel, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "thing.safetensors"
        file.write_bytes(content)
        with pytest.raises(UserError, match=r"thing\.safetensors is (not a checkpoint|damaged|cut short)"):
            load(file, base)

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("model.diffusion_model.input_blocks.0.0.weight", "got a whole base"),
            ("unet.down.lora_A.weight", "got a LoRA"),
            ("up_blocks.0.weight", "got a U-Net"),
            ("some.thing", "got some.thing"),
            ("lora_controlnet", "Control-LoRA"),
            ("difference", "difference to the weights"),
        ],
    )
    def test_what_a_stranger_is_gets_said(self, base: BaseModel, tmp_path: Path, key: str, message: str) -> None:
        save_file({key: torch.zeros(3)}, tmp_path / "stranger.safetensors")
        with pytest.raises(UserError, match=message):
            load(tmp_path / "stranger.safetensors", base)

    def test_not_tensors_at_all(self, base: BaseModel, tmp_path: Path) -> None:
        torch.save([1, 2, 3], tmp_path / "list.pth")
        with pytest.raises(UserError, match="expected named tensors, got list"):
            load(tmp_path / "list.pth", base)

    def test_missing_and_unknown_weights_are_named(self, folder: Path, base: BaseModel) -> None:
        file = folder / "diffusion_pytorch_model.safetensors"
        state = load_file(file)
        state["controlnet_mid_blok.weight"] = state.pop("controlnet_mid_block.weight")
        save_file(state, file)
        with pytest.raises(UserError) as caught:
            load(folder, base)
        assert "1 weights are missing (middle_zero_convolution.weight)" in str(caught.value)
        assert "1 are not known (controlnet_mid_blok.weight" in str(caught.value)

    @pytest.mark.parametrize(
        "key", ["input_blocks.0.0.weight", "zero_convs.3.0.bias", "input_blocks.5.0.in_layers.2.bias"]
    )
    def test_an_incomplete_original_file(
        self, base: BaseModel, controlnet: ControlNet, tmp_path: Path, key: str
    ) -> None:
        state = to_original(controlnet)
        del state[f"control_model.{key}"]
        save_file(state, tmp_path / "net.safetensors")
        with pytest.raises(UserError, match=r"(lacks|missing)"):
            load(tmp_path / "net.safetensors", base)

    def test_a_weight_of_another_shape(self, folder: Path, base: BaseModel) -> None:
        file = folder / "diffusion_pytorch_model.safetensors"
        state = load_file(file)
        state["controlnet_mid_block.bias"] = torch.zeros(5)
        save_file(state, file)
        with pytest.raises(UserError, match=r"middle_zero_convolution\.bias: expected \(32,\), got \(5,\)"):
            load(folder, base)

    def test_weights_that_no_controlnet_has(self, base: BaseModel, controlnet: ControlNet, tmp_path: Path) -> None:
        state = {**to_original(controlnet), "control_model.output_blocks.0.weight": torch.zeros(1)}
        save_file(state, tmp_path / "net.safetensors")
        with pytest.raises(UserError, match=r"1 weights that no ControlNet has, the first: output_blocks\.0\.weight"):
            load(tmp_path / "net.safetensors", base)


class TestPlaces:
    def test_a_built_in_name(self, folder: Path, base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(weights.BUILT_IN, "tiny-canny", folder)
        assert load_with_sidecar("tiny-canny", base)[1].condition == "canny"
        with pytest.raises(UserError, match="did you mean 'tiny-canny'"):
            load("tiny-cany", base)

    def test_nothing_there(self, base: BaseModel, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"no ControlNet '.*absent\.pth': expected a folder"):
            load(tmp_path / "absent.pth", base)

    def test_folders_that_are_something_else(self, base: BaseModel, tmp_path: Path, folder: Path) -> None:
        with pytest.raises(UserError, match=r"did you mean .*net\?"):
            load(folder.parent, base)
        (tmp_path / "base").mkdir()
        (tmp_path / "base" / "model_index.json").write_text("{}")
        with pytest.raises(UserError, match="got a base"):
            load(tmp_path / "base", base)
        (folder / "config.json").write_text('{"_class_name": "FluxControlNetModel"}')
        with pytest.raises(UserError, match="holds a FluxControlNetModel, expected a ControlNetModel"):
            load(folder, base)
        (folder / "config.json").write_text("{")
        with pytest.raises(UserError, match="expected JSON"):
            load(folder, base)

    def test_a_folder_without_weights(self, folder: Path, base: BaseModel) -> None:
        (folder / "diffusion_pytorch_model.safetensors").unlink()
        with pytest.raises(UserError, match="has no weights"):
            load(folder, base)

    @pytest.mark.parametrize(
        "variant", [{"variant": "fp16"}, {"safe_serialization": False}, {"max_shard_size": "100KB"}]
    )
    def test_every_kind_of_diffusers_folder(
        self, variant: dict[str, Any], base: BaseModel, controlnet: ControlNet, tmp_path: Path
    ) -> None:
        as_diffusers(controlnet).save_pretrained(tmp_path, **variant)
        assert same(load(tmp_path, base), controlnet)

    def test_only_the_needed_files_come_from_the_hub(
        self, folder: Path, base: BaseModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        names = [path.name for path in folder.iterdir()]
        unwanted = [
            "README.md",
            "diffusion_pytorch_model.fp16.safetensors",
            "diffusion_pytorch_model.bin",
            "images/a.png",
        ]
        files = [types.SimpleNamespace(rfilename=name) for name in [*names, *unwanted]]
        asked: list[str] = []

        def download(repository: str, allow_patterns: list[str]) -> str:
            asked.extend(allow_patterns)
            return str(folder)

        info = types.SimpleNamespace(siblings=files)
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        assert load_with_sidecar("owner/net", base)[1].condition == "canny"
        assert sorted(asked) == sorted(names)

    def test_a_hub_that_fails_is_one_sentence(self, base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        def unreachable(*_: object, **__: object) -> None:
            raise ConnectionError("no network")

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
        with pytest.raises(UserError, match=r"could not get the ControlNet 'owner/net' from the hub: no network$"):
            load("owner/net", base)

    def test_the_hash_names_the_file(self, folder: Path, tmp_path: Path) -> None:
        import hashlib

        content = (folder / "diffusion_pytorch_model.safetensors").read_bytes()
        assert file_hash(folder) == file_hash(str(folder)) == hashlib.sha256(content).hexdigest()
        assert file_hash(tmp_path / "absent") is None
        assert file_hash(object()) is None

    def test_a_newer_or_damaged_sidecar(self, folder: Path, base: BaseModel) -> None:
        (folder / "zeroconv.json").write_text('{"schema": 99}')
        with pytest.raises(UserError, match="schema 99"):
            load(folder, base)
        for content in ("{", "[]", '{"range": 5}'):
            (folder / "zeroconv.json").write_text(content)
            with pytest.raises(UserError, match="damaged"):
                load(folder, base)

    def test_the_weights_do_not_hang_on_the_file(self, folder: Path, base: BaseModel, controlnet: ControlNet) -> None:
        loaded = load(folder, base)
        shutil.rmtree(folder)
        assert same(loaded, controlnet)


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

    def test_own_variants(self, base: BaseModel, tmp_path: Path) -> None:
        found = describe(save(small_controlnet(base.unet, only_mid=True), base, tmp_path / "net"))
        assert "cannot run" in found.layout and "only_mid" in str(found)

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
