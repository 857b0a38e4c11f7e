"""torch.compile for the parts of U-Net and ControlNets that repeat: residual blocks and feed-forward layers.

Each part becomes code of its own. What stands between them stays as it is: windows, strengths, hooks and what is
computed once (`sampling.computed_once`) change no compiled code, so that nothing is compiled anew for them. Whole
networks compiled with `network.compile()` are run, too, but compute the text's keys and values at every step.
"""

import inspect
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.generate.prepared import Prepared

_OWN_CODE = {"isolate_recompiles": True} if "isolate_recompiles" in inspect.signature(torch.compile).parameters else {}
"""Shapes are counted for each part; torch before 2.13 counts those of all parts together, and leaves parts beyond its
limit as they are."""


def compile_networks(prepared: Prepared) -> None:
    """Compiles what sampling runs, in place; T2I-Adapters, which run once a picture, are left as they are.

    UserError where the machine lacks what it needs.
    """
    check_compiler(prepared.base.device)
    compile_parts(prepared.base.unet)
    for control in prepared.controls:
        if isinstance(control.controlnet, ControlNet):
            compile_parts(control.controlnet)


def compile_parts(network: nn.Module, backend: str = "inductor") -> None:
    """Has the repeated parts compiled, each when it first runs; what is compiled already stays."""
    for part in repeated_parts(network):
        if part._compiled_call_impl is None:
            part.compile(backend=backend, **_OWN_CODE)


def repeated_parts(network: nn.Module) -> list[Any]:
    """The residual blocks and feed-forward layers of a network of diffusers' blocks."""
    from diffusers.models.attention import FeedForward
    from diffusers.models.resnet import ResnetBlock2D

    return [module for module in network.modules() if isinstance(module, ResnetBlock2D | FeedForward)]


def check_compiler(device: torch.device) -> None:
    """UserError where this machine lacks what torch.compile writes its code with."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise UserError(
            "--compile needs a C++ compiler, and this machine has none: install g++ or clang, or leave --compile out"
        ) from error
    if device.type == "cuda" and find_spec("triton") is None:
        raise UserError("--compile on a GPU needs triton: pip install triton, or leave --compile out")
