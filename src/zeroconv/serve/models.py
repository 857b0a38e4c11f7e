"""The bases, ControlNets and LoRAs that a server offers, by name: nothing else can be asked for."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from zeroconv import conditions, weights
from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel, load_base
from zeroconv.control import ControlNet
from zeroconv.errors import UserError, nearest
from zeroconv.generate.prepare import default_guidance, prepare
from zeroconv.generate.prepared import Prepared
from zeroconv.request import Lora, Request
from zeroconv.serve.loras import LoraInfo, Loras
from zeroconv.weights import Sidecar
from zeroconv.weights.describe import describe
from zeroconv.weights.places import CONTROLS, find

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,99}")


@dataclass(frozen=True)
class ModelInfo:
    """What is known of one base or ControlNet."""

    name: str
    kind: str
    """ "base", or as `zeroconv inspect` says: "ControlNet", "T2I-Adapter"."""
    family: str
    """ "tiny", "sd15", "sd21", "sdxl" or "unknown"."""
    condition: str | None = None
    """What a ControlNet was trained on, where that is known."""
    native_size: int | None = None
    """Pixels of the side at which a base was trained."""
    multiple: int | None = None
    """What width and height of a base's pictures are multiples of."""
    default_guidance: float | None = None
    """What a base takes where none is asked for."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of the condition that a ControlNet was trained with, which are its defaults."""


class Models:
    """Registered once, bases loaded at once and ControlNets when they are first asked for; then kept. Thread-safe."""

    def __init__(
        self,
        bases: Mapping[str, str] | None = None,
        controlnets: Mapping[str, str] | None = None,
        loras: Mapping[str, str] | None = None,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """bases, controlnets: name -> place, as `load_base` and `weights.load` read it; the ControlNets that ship are
        there besides. loras: name -> file. UserError for a name that is none, or a place where there is nothing of the
        kind."""
        bases, loras = bases or {"tiny": "tiny"}, loras or {}
        self._places = {**{name: name for name in weights.BUILT_IN}, **(controlnets or {})}
        for name in (*bases, *self._places, *loras):
            if not _NAME.fullmatch(name):
                raise UserError(f"{name!r} is no name: expected letters, digits, dots and dashes; write NAME=PATH")
        self._lock = threading.RLock()
        self._loaded: dict[tuple[str, str], tuple[ControlNet | Adapter, Sidecar]] = {}
        self._bases = {
            name: replace(load_base(place, device=device, dtype=dtype), name=name) for name, place in bases.items()
        }
        infos = [_controlnet_info(name, place) for name, place in self._places.items()]
        families = {base.family for base in self._bases.values()}
        self._infos = {info.name: info for info in infos if info.name not in weights.BUILT_IN or "tiny" in families}
        self._loras = Loras(loras, self._bases)

    def bases(self) -> Mapping[str, ModelInfo]:
        """Name -> what is known of it; the first is taken where none is named."""
        return {name: _base_info(base) for name, base in self._bases.items()}

    def controlnets(self) -> Mapping[str, ModelInfo]:
        """Name -> what is known of it."""
        return dict(self._infos)

    def loras(self) -> Mapping[str, LoraInfo]:
        """Name -> what is known of it."""
        return self._loras.infos()

    @property
    def default_base(self) -> str:
        """The base that is taken where none is named."""
        return next(iter(self._bases))

    def base(self, name: str) -> BaseModel:
        """A base by its name; UserError names the nearest where it is not known."""
        if name not in self._bases:
            raise UserError(f"no base {name!r} is offered here; {nearest(name, self._bases)}")
        return self._bases[name]

    def controlnet(self, name: str) -> ModelInfo:
        """What is known of a ControlNet; UserError names the nearest where none of this name is offered."""
        if name not in self._infos:
            raise UserError(f"no ControlNet {name!r} is offered here; {nearest(name, self._infos)}")
        return self._infos[name]

    def check_controlnet(self, name: str, base: str) -> None:
        """UserError where no such ControlNet is offered, or one for bases of another family."""
        family, own = self.controlnet(name).family, self.base(base).family
        if "unknown" not in (family, own) and family != own:
            raise UserError(f"the ControlNet {name} is for bases of the family {family}, {base} is {own}")

    def check_lora(self, name: str, base: str) -> None:
        """UserError where no such LoRA is offered, or one that does not fit the base."""
        self._loras.check(name, base)

    def controlnet_for(self, condition: str, base: str) -> str:
        """The name of the first ControlNet for a condition and a base; UserError says which conditions there are."""
        family = self.base(base).family
        fitting = {info.condition: name for name, info in reversed(self._infos.items()) if info.family == family}
        condition = conditions.canonical(condition)
        if condition not in fitting:
            known = ", ".join(sorted(name for name in fitting if name)) or "none"
            raise UserError(f"no ControlNet for {condition} is offered for the base {base}; there is: {known}")
        return fitting[condition]

    def prepare(self, base: str, request: Request) -> Prepared:
        """A request made ready, its LoRAs not yet in the base: `merged` brings them when the pictures are made."""
        return prepare(self.base(base), request, self.load_control, merge=lambda base, loras: base)

    def merged(self, base: BaseModel, loras: tuple[Lora, ...]) -> BaseModel:
        """The base with these LoRAs, which have their registered names; the base itself where there are none."""
        return self._loras.merged(base, loras)

    def lora_hash(self, name: object) -> str | None:
        """The sha256 of a LoRA's file; None for what is not offered here."""
        return self._loras.file_hash(name)

    def lora_named(self, file: str, hash: str | None) -> str | None:
        """The name of the LoRA that a record means: one that is offered under it, else by its file's hash; or None."""
        if file in self.loras():
            return file
        return next((name for name in self.loras() if hash is not None and self.lora_hash(name) == hash), None)

    def load_control(self, name: str | Path, base: BaseModel) -> tuple[ControlNet | Adapter, Sidecar]:
        """A ControlNet by its name for a base that is offered, as `prepare` asks for it; loaded once."""
        self.check_controlnet(str(name), base.name)
        with self._lock:
            key = (str(name), base.name)
            if key not in self._loaded:
                self._loaded[key] = self._read(str(name), base)
            return self._loaded[key]

    def sidecar(self, name: str) -> Sidecar:
        """What is known of how a ControlNet was trained, without loading it; an empty record where nothing is."""
        place = find(self._places[name], CONTROLS)
        return weights.read_sidecar(place.path) if place.path.is_dir() else Sidecar()

    def _read(self, name: str, base: BaseModel) -> tuple[ControlNet | Adapter, Sidecar]:
        place = self._places[name]
        try:
            return weights.load_control(place, base)
        except UserError as error:  # whoever reads it knows the name, not the place
            raise UserError(str(error).replace(place, name)) from error

    def file_hash(self, name: object) -> str | None:
        """The sha256 of a ControlNet's weights; None for what is not offered here."""
        place = self._places.get(str(name))
        return None if place is None else weights.file_hash(place)


def _base_info(base: BaseModel) -> ModelInfo:
    size, guidance = base.native_size, default_guidance(base)
    return ModelInfo(base.name, "base", base.family, None, size, base.multiple, guidance)


def _controlnet_info(name: str, place: str) -> ModelInfo:
    found = describe(place)
    if found.kind == "base":
        raise UserError(f"{place} is a base, not a ControlNet: give it with --base")
    options = {} if found.sidecar is None else dict(found.sidecar.condition_options)
    return ModelInfo(name, found.kind, found.family, found.condition, options=options)
