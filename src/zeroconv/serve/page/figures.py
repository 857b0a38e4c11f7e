"""The figures that are found in a photograph, to be corrected in the pose editor."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroconv import conditions
from zeroconv.conditions.registry import WritesJson
from zeroconv.errors import UserError
from zeroconv.serve.models import Models
from zeroconv.serve.page.preview import prepared_control
from zeroconv.serve.settings import Limits


def figures(given: Mapping[str, Any], models: Models, limits: Limits) -> dict[str, Any]:
    """{base, size, shape, fit, control} -> {poses}: OpenPose's JSON on the run's size, found as the run would find it.

    UserError for a control that is no pose from a photograph, and where nobody is found.
    """
    control = prepared_control(given, models, limits).controls[0]
    made = None if control.request.ready else conditions.create(control.request.name, **control.request.options)
    if not isinstance(made, WritesJson):
        raise UserError("figures are found for a pose from a photograph only")
    poses = json.loads(made.to_json(np.asarray(control.picture)))
    if not poses["people"]:
        raise UserError("no figure was found in this photograph; draw one")
    return {"poses": poses}
