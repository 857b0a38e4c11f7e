"""Which number type --dtype means, and that `auto` is bfloat16 only where the hardware multiplies in it."""

from pathlib import Path

import pytest
import torch

from zeroconv import number_types
from zeroconv.base import load_base
from zeroconv.errors import UserError
from zeroconv.number_types import fastest_type, number_type, smallest_type

_CPU, _CUDA = torch.device("cpu"), torch.device("cuda:1")


@pytest.mark.parametrize(("written", "name"), [("bf16", "bfloat16"), ("torch.float16", "float16"), ("FP32", "float32")])
def test_names_people_write_are_understood(written: str, name: str) -> None:
    assert number_type(written) == number_type(written, auto="float16") == name


def test_auto_is_a_choice_only_where_something_stands_for_it() -> None:
    assert number_type("AUTO", auto="bfloat16") == "bfloat16"
    with pytest.raises(UserError, match=r"unknown dtype 'auto'; known: bfloat16, float16, float32$"):
        number_type("auto")
    with pytest.raises(UserError, match="did you mean 'auto'"):
        number_type("aut", auto="float32")


@pytest.mark.parametrize(
    ("has", "name"),
    [
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"avx512_f": True, "avx512_bw": True, "avx512_vl": True, "amx_tile": True}, "float32"),
        ({}, "float32"),
    ],
)
def test_a_processor_that_only_emulates_bfloat16_keeps_float32(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], name: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert fastest_type(_CPU) == smallest_type(_CPU) == name
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert fastest_type(_CPU) == "float32"


@pytest.mark.parametrize(
    ("capability", "fastest", "smallest"),
    [((7, 5), "float32", "float16"), ((8, 0), "bfloat16", "bfloat16"), ((12, 0), "bfloat16", "bfloat16")],
)
def test_a_gpu_is_asked_for_its_compute_capability(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fastest: str, smallest: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability if device == _CUDA else None)
    assert (fastest_type(_CUDA), smallest_type(_CUDA)) == (fastest, smallest)


def test_other_devices_keep_float32() -> None:
    assert fastest_type(torch.device("mps")) == smallest_type(torch.device("mps")) == "float32"


@pytest.mark.parametrize("has_it", [True, False])
def test_a_base_is_loaded_in_the_fastest_type_on_demand(
    monkeypatch: pytest.MonkeyPatch, sd15_folder: Path, has_it: bool
) -> None:
    monkeypatch.setattr(number_types, "_multiplies_bfloat16", lambda device: has_it)
    assert load_base(sd15_folder, dtype="auto").dtype == (torch.bfloat16 if has_it else torch.float32)
    assert load_base(sd15_folder).dtype == torch.float32
