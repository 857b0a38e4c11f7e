"""The owners' models as their replicas know them: names and facts, without the networks."""

from collections.abc import Mapping

from zeroconv.errors import UserError, nearest
from zeroconv.serve.loras import LoraInfo
from zeroconv.serve.models import ModelInfo


class ListedModels:
    """The methods of `Models` that answer without a network."""

    def __init__(
        self, bases: Mapping[str, ModelInfo], controlnets: Mapping[str, ModelInfo], loras: Mapping[str, LoraInfo]
    ) -> None:
        self._bases, self._controlnets, self._loras = dict(bases), dict(controlnets), dict(loras)

    def bases(self) -> Mapping[str, ModelInfo]:
        """Name -> what is known of it; the first is taken where none is named."""
        return dict(self._bases)

    def controlnets(self) -> Mapping[str, ModelInfo]:
        """Name -> what is known of it."""
        return dict(self._controlnets)

    def loras(self) -> Mapping[str, LoraInfo]:
        """Name -> what is known of it."""
        return dict(self._loras)

    @property
    def default_base(self) -> str:
        """The base that is taken where none is named."""
        return next(iter(self._bases))

    def controlnet(self, name: str) -> ModelInfo:
        """What is known of a ControlNet; UserError names the nearest where none of this name is offered."""
        if name not in self._controlnets:
            raise UserError(f"no ControlNet {name!r} is offered here; {nearest(name, self._controlnets)}")
        return self._controlnets[name]
