"""The LoRAs that a server offers, by name, and a base with those in it that a request asks for."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from zeroconv.base import BaseModel
from zeroconv.errors import UserError, nearest
from zeroconv.generate.loras import check_lora, with_loras
from zeroconv.request import Lora
from zeroconv.request.files import sha256


@dataclass(frozen=True)
class LoraInfo:
    """What is known of one LoRA."""

    name: str
    bases: tuple[str, ...]
    """The bases it fits, of those that are offered."""


class Loras:
    """Registered once, and merged into a copy of a base when they are asked for. Thread-safe.

    The copy that was made last is kept, and no other: pictures with the same LoRAs at the same strengths share it. The
    base itself is never touched.
    """

    def __init__(self, places: Mapping[str, str], bases: Mapping[str, BaseModel]) -> None:
        """places: name -> file. UserError for a file that is missing, or that fits none of the bases."""
        self._places = {name: Path(place).expanduser().absolute() for name, place in places.items()}
        self._infos = {name: LoraInfo(name, _fitting(place, bases)) for name, place in self._places.items()}
        self._lock = threading.Lock()
        self._kept: tuple[object, BaseModel] | None = None

    def infos(self) -> Mapping[str, LoraInfo]:
        """Name -> what is known of it."""
        return dict(self._infos)

    def check(self, name: str, base: str) -> None:
        """UserError where no such LoRA is offered, or one that does not fit the base."""
        info = known_lora(name, self._infos)
        if base not in info.bases:
            raise UserError(f"the LoRA {name} does not fit the base {base}; it is for {', '.join(info.bases)}")

    def file_hash(self, name: object) -> str | None:
        """The sha256 of a LoRA's file; None for what is not offered here, or is gone."""
        place = self._places.get(str(name))
        return None if place is None or not place.is_file() else _hash(place, place.stat().st_mtime_ns)

    def merged(self, base: BaseModel, loras: tuple[Lora, ...]) -> BaseModel:
        """The base with these LoRAs, which have their registered names; the base itself where there are none."""
        if not loras:
            return base
        for lora in loras:
            self.check(str(lora.file), base.name)
        key = base.name, tuple((self.file_hash(lora.file), lora.strength) for lora in loras)
        with self._lock:
            if self._kept is None or self._kept[0] != key:
                self._kept = None  # the old copy goes before the new one comes
                self._kept = key, self._merge(base, loras)
            return self._kept[1]

    def _merge(self, base: BaseModel, loras: tuple[Lora, ...]) -> BaseModel:
        try:
            return with_loras(base, tuple(replace(lora, file=self._places[str(lora.file)]) for lora in loras))
        except UserError as error:  # whoever reads it knows the name, not the place
            sentence = str(error)
            for lora in loras:
                sentence = sentence.replace(str(self._places[str(lora.file)]), str(lora.file))
            raise UserError(sentence) from error


def known_lora(name: str, infos: Mapping[str, LoraInfo]) -> LoraInfo:
    """What is known of a LoRA; UserError names the nearest where none of this name is offered."""
    if not infos:
        raise UserError("no LoRAs are offered here; leave them out")
    if name not in infos:
        raise UserError(f"no LoRA {name!r} is offered here; {nearest(name, infos)}")
    return infos[name]


def _fitting(place: Path, bases: Mapping[str, BaseModel]) -> tuple[str, ...]:
    fitting, reasons = [], []
    for name, base in bases.items():
        try:
            check_lora(base, Lora(place))
            fitting.append(name)
        except UserError as error:
            reasons.append(error)
    if not fitting:
        raise reasons[0]
    return tuple(fitting)


@lru_cache
def _hash(place: Path, changed: int) -> str:
    """Of a file that was changed last at this time."""
    return sha256(place)
