"""Paired data sets from folders of photographs: every picture with its caption and its condition images."""

from zeroconv.dataset.build import Progress, build
from zeroconv.dataset.plan import Plan

__all__ = ["Plan", "Progress", "build"]
