"""webui's addresses, /sdapi/v1 and /controlnet, over the same jobs as /v1 and the page.

Shapes as AUTOMATIC1111's API and sd-webui-controlnet's have them, so that their clients need no change. A request
waits until its picture is there, as webui's does; it becomes a job like any other, in the same queue and history.
"""

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool

from zeroconv.errors import UserError
from zeroconv.images import read_metadata
from zeroconv.serve.jobs import Job, Jobs
from zeroconv.serve.jobs.job import ENDED
from zeroconv.serve.models import Models
from zeroconv.serve.settings import Settings
from zeroconv.serve.webui import catalogue
from zeroconv.serve.webui.answers import answer
from zeroconv.serve.webui.chosen import Chosen
from zeroconv.serve.webui.detection import detect
from zeroconv.serve.webui.fields import check_settings
from zeroconv.serve.webui.modules import module_names
from zeroconv.serve.webui.progress import progress
from zeroconv.serve.webui.schema import Answer, Detect, Img2Img, PngInfo, Progress, Txt2Img
from zeroconv.serve.webui.translation import base_named, translate

_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.5
"""Seconds between two looks at a job."""
_UNITS = 4
