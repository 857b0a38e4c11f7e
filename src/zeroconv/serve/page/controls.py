"""The stack of controls: the page's JSON -> ControlRequests, whose own checks say what is wrong."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from zeroconv.conditions.pose_file import poses_json, poses_of
from zeroconv.conditions.skeleton import draw_persons
from zeroconv.errors import UserError, nearest
from zeroconv.request import ControlRequest
from zeroconv.request.request import default_size, rounded
from zeroconv.serve.jobs.inputs import POSES
from zeroconv.serve.models import Models
from zeroconv.serve.page.catalogue import offered_options
from zeroconv.serve.page.pictures import picture_of
from zeroconv.serve.settings import Limits

_SETTINGS = ("strength", "start", "end", "window", "schedule", "weights", "conditional_only", "ready", "checkpoint")
_PICTURES = ("image", "poses", "mask", "feather")
_KNOWN = ("condition", "options", *_SETTINGS, *_PICTURES)


class Reader:
    """Reads controls for one base and one size."""

    def __init__(
        self,
        models: Models,
        limits: Limits,
        base: str,
        size: tuple[int, int] | None,
        shape: tuple[int, int] | None = None,
    ) -> None:
        """size: (width, height) of the run as asked for; None: left open.

        shape: (width, height) of the picture that the run starts from, which then decides the size.
        """
        info = models.bases().get(base)
        models.base(base)
        assert info is not None and info.native_size is not None and info.multiple is not None
        self.limits, self.size, self.native, self.multiple = limits, size, info.native_size, info.multiple
        if size is None and shape is not None:
            self.size = default_size(shape, self.native, self.multiple)

    def controls(self, given: object) -> tuple[ControlRequest, ...]:
        """All of the stack."""
        if not isinstance(given, list):
            raise UserError("the controls must be a list")
        if len(given) > self.limits.controls:
            raise UserError(f"{len(given)} controls are more than the {self.limits.controls} that are granted here")
        return tuple(self.control(each) for each in given)

    def control(self, given: object) -> ControlRequest:
        """One of them; UserError says what in it is wrong."""
        if not isinstance(given, Mapping) or not isinstance(given.get("condition"), str):
            raise UserError("a control needs a condition")
        name = str(given["condition"])
        for key in given:
            if key not in _KNOWN:
                raise UserError(f"a control has no field {key!r}; {nearest(str(key), _KNOWN)}")
        settings: dict[str, Any] = {key: given[key] for key in _SETTINGS if given.get(key) is not None}
        if not isinstance(settings.get("checkpoint"), str | None):
            raise UserError("a ControlNet is asked for by its name")
        mask = given.get("mask")
        if mask is not None:
            settings["mask"] = picture_of(mask, self.limits, f"the region of {name}")
            settings["feather"] = given.get("feather") or 0.0
        return ControlRequest(name, self._image(given, name), options=checked_options(name, given), **settings)

    def _image(self, given: Mapping[str, Any], name: str) -> Image.Image:
        if given.get("poses") is None:
            return picture_of(given.get("image"), self.limits, f"the picture of {name}")
        if given.get("ready") is not True:
            raise UserError("poses are a condition already: they are given ready")
        poses = poses_of(given["poses"], "the pose")
        canvas = poses.canvas or (self.native, self.native)
        shape = (canvas[1], canvas[0])
        size = (
            default_size(shape, self.native, self.multiple) if self.size is None else rounded(self.size, self.multiple)
        )
        if size[0] * size[1] > self.limits.pixels:
            raise UserError(f"size {size[0]}x{size[1]} is more than the {self.limits.pixels:,} pixels granted here")
        height_width = (size[1], size[0])
        image = Image.fromarray(draw_persons(poses.fitted(height_width), height_width))
        image.info[POSES] = poses_json(poses.fitted(canvas), canvas)
        return image


def checked_options(condition: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A control's options; UserError for one that the page does not offer, as one that names a file."""
    options = given.get("options") or {}
    if not isinstance(options, Mapping):
        raise UserError("options must be an object")
    offered = [option.name for option in offered_options(condition)]
    for key in options:
        if key not in offered:
            raise UserError(f"{condition} has no option {key!r} here; {nearest(str(key), offered)}")
    return dict(options)
