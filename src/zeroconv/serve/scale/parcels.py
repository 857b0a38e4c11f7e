"""Requests between processes: plain values that can be pickled, with their pictures."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from zeroconv.request import ControlRequest, Request

Parcel = Mapping[str, Any]
"""The fields of a Request, its controls as fields too."""


def packed(request: Request) -> Parcel:
    """The request as values that can be sent; a control's options are a view of a dict, which cannot."""
    values = {field.name: getattr(request, field.name) for field in fields(request)}
    return {**values, "controls": tuple(_packed_control(control) for control in request.controls)}


def unpacked(parcel: Parcel) -> Request:
    """The request again."""
    return Request(**{**parcel, "controls": tuple(ControlRequest(**control) for control in parcel["controls"])})


def _packed_control(control: ControlRequest) -> dict[str, Any]:
    values = {field.name: getattr(control, field.name) for field in fields(control)}
    return {**values, "options": dict(control.options)}
