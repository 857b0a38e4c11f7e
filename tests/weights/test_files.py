import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from zeroconv.base import BaseModel
from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.weights import (
    describe,
    load,
    to_original,
)


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
            ("model.diffusion_model.input_blocks.0.0.weight", "got a base in the original layout"),
            ("unet.down.lora_A.weight", "got a LoRA"),
            ("up_blocks.0.weight", "got a U-Net"),
            ("some.thing", r"got unknown weights \(some\.thing\)"),
            ("lllite_unet_input_blocks_1_1.down.0.weight", "is a ControlNet-LLLite, which"),
            ("image_proj.proj.weight", "is an IP-Adapter, which"),
            ("task_embedding", "is a ControlNet-Union, which"),
            ("body.0.in_conv.weight", "is a T2I-Adapter, which"),
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
