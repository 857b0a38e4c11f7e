"""Requests into pictures: the one use case that command line, web page, evaluation and previews share."""

from zeroconv.generate.pictures import generate, influence_of, network_input
from zeroconv.request import ControlRequest, Request

__all__ = ["ControlRequest", "Request", "generate", "influence_of", "network_input"]
