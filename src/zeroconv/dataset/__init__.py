"""Paired data sets from folders of photographs: every picture with its caption and its condition images."""

from zeroconv.dataset.annotate import Annotation, annotate_folder
from zeroconv.dataset.build import build
from zeroconv.dataset.journal import Progress
from zeroconv.dataset.plan import Plan

__all__ = ["Annotation", "Plan", "Progress", "annotate_folder", "build"]
