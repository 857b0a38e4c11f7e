"""T2I-Adapters from every layout give the features of the network that was written, and others are refused by name."""

from pathlib import Path

import pytest
import torch
from diffusers import T2IAdapter
from safetensors.torch import save_file

from adapters import KINDS, ORIGINALS, random_network
from networks import random_condition
from singlefiles import write_sparse
from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel, load_base
from zeroconv.control import Control
from zeroconv.errors import UserError
from zeroconv.weights import describe, file_hash, load, load_control
from zeroconv.weights.adapters import adapter_shape

FULL = (320, 640, 1280, 1280)


@pytest.fixture(scope="module")
def bases(sd15_folder: Path, sdxl_folder: Path) -> dict[bool, BaseModel]:
    """By whether they are SDXL's."""
    return {False: load_base(sd15_folder), True: load_base(sdxl_folder)}


def features_of(source: Path, base: BaseModel, condition: torch.Tensor) -> tuple[torch.Tensor, ...]:
    adapter, sidecar = load_control(source, base)
    assert isinstance(adapter, Adapter) and sidecar.condition is None
    assert not adapter.training and not any(weight.requires_grad for weight in adapter.parameters())
    assert adapter.condition_channels == condition.shape[1]
    return adapter.encode_condition(condition)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
class TestLayouts:
    def test_a_diffusers_folder_and_its_file(
        self, kind: str, channels: int, bases: dict[bool, BaseModel], tmp_path: Path
    ) -> None:
        network, condition = random_network(kind, channels), random_condition(1, channels=channels)
        network.save_pretrained(tmp_path / "adapter")
        expected = network(condition)
        for source in (tmp_path / "adapter", tmp_path / "adapter" / "diffusion_pytorch_model.safetensors"):
            found = features_of(source, bases[kind == "full_adapter_xl"], condition)
            assert all(torch.equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))
            assert file_hash(source)

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_an_original_file(
        self, kind: str, channels: int, wrapped: bool, bases: dict[bool, BaseModel], tmp_path: Path
    ) -> None:
        torch.manual_seed(3)
        network, condition = ORIGINALS[kind](channels).eval(), random_condition(1, channels=channels)
        state = network.state_dict()
        torch.save({"adapter": state} if wrapped else state, tmp_path / "adapter.pth")
        with torch.no_grad():
            expected = network(condition)
        found = features_of(tmp_path / "adapter.pth", bases[kind == "full_adapter_xl"], condition)
        assert len(found) == len(expected) == 4
        for mine, theirs in zip(found, expected, strict=True):
            assert torch.allclose(mine, theirs, atol=1e-6), (mine - theirs).abs().max()

    def test_inspect_names_released_sizes(self, kind: str, channels: int, tmp_path: Path) -> None:
        with torch.device("meta"):
            state = ORIGINALS[kind](channels, widths=FULL).state_dict()
        found = describe(write_sparse(state, tmp_path / "t2iadapter_canny_sd14v1.safetensors", torch.float16))
        assert (found.kind, found.layout, found.dtype) == ("T2I-Adapter", "original file", "float16")
        assert found.family == ("sdxl" if kind == "full_adapter_xl" else "sd15")
        assert found.facts["condition channels"] == str(channels) and found.facts["adapter type"] == kind
        assert "canny (by the file's name)" in str(found)


def test_inspect_names_folders_and_files(tmp_path: Path) -> None:
    random_network().save_pretrained(tmp_path)
    for source, layout in ((tmp_path, "diffusers folder"), (next(tmp_path.glob("*.safetensors")), "diffusers file")):
        found = describe(source)
        assert (found.kind, found.layout, found.family) == ("T2I-Adapter", layout, "unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_another_family_is_refused(kind: str, bases: dict[bool, BaseModel], tmp_path: Path) -> None:
    random_network(kind).save_pretrained(tmp_path)
    is_xl = kind == "full_adapter_xl"
    message = f"this T2I-Adapter was made for {'SDXL' if is_xl else 'SD 1.x'} .channels 16/32/32/32.*the base .* is"
    with pytest.raises(UserError, match=message):
        load_control(tmp_path, bases[not is_xl])


def test_a_base_without_attention_on_its_first_level_is_refused(tmp_path: Path) -> None:
    tiny = load_base("tiny")
    T2IAdapter(3, tuple(tiny.unet.config.block_out_channels), num_res_blocks=1).save_pretrained(tmp_path)
    with pytest.raises(
        UserError, match="attention to the text on each level but the last, the base tiny has DownBlock2D"
    ):
        load_control(tmp_path, tiny)


def test_the_embedded_base_takes_adapters_of_sdxls_layout(tmp_path: Path) -> None:
    tiny = load_base("tiny")
    network = T2IAdapter(3, num_res_blocks=1, **adapter_shape(tiny))
    network.save_pretrained(tmp_path)
    adapter, _ = load_control(tmp_path, tiny)
    assert isinstance(adapter, Adapter) and adapter.widths == (80, 112, 120, 120)
    features = adapter.encode_condition(random_condition(size=128))
    latents, text = torch.zeros(2, 8, 16, 16), tiny.encode_text(["a cube", "a ring"])
    now = torch.tensor(500)
    alone = tiny.predict_noise(latents, now, text)
    for index in range(4):
        parts = tuple(feature * (number == index) for number, feature in enumerate(features))
        assert (tiny.predict_noise(latents, now, text, Control((), parts)) - alone).abs().max() > 1e-4


def test_what_is_no_whole_adapter_is_refused(bases: dict[bool, BaseModel], tmp_path: Path) -> None:
    base, state = bases[False], ORIGINALS["full_adapter"](3).state_dict()
    for change, message in (
        ({"body.2.down_opt.op.weight": torch.zeros(1)}, "early kind: 1 weights are not known .body.2.down_opt"),
        ({"body.3.block2.weight": torch.zeros(32, 32, 3, 3)}, "1 are not as expected .adapter.body.1.resnets.1.block2"),
        ({"body.5.block1.bias": None}, "1 are not as expected"),
        ({"conv_in.weight": None}, "lacks the weight conv_in.weight"),
    ):
        changed = {key: value for key, value in {**state, **change}.items() if value is not None}
        save_file(changed, tmp_path / "adapter.safetensors")
        with pytest.raises(UserError, match=message):
            load_control(tmp_path / "adapter.safetensors", base)


def test_where_a_controlnet_is_needed_it_is_refused(bases: dict[bool, BaseModel], tmp_path: Path) -> None:
    random_network().save_pretrained(tmp_path)
    with pytest.raises(UserError, match="holds a T2IAdapter, expected a ControlNetModel"):
        load(tmp_path, bases[False])
    with pytest.raises(UserError, match="is a T2I-Adapter, which acts in pictures only: expected a ControlNet"):
        load(next(tmp_path.glob("*.safetensors")), bases[False])
