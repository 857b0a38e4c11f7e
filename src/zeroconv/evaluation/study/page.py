"""The page of a study: one HTML file that works from disk and asks nothing of the network.

Its parts lie in the folder page/; they are put into one file here. The pictures and orders are a block of JSON in it.
"""

import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

SCRIPTS = ("elements.js", "store.js", "ranking.js", "two_way.js", "page.js")
"""In the order in which they need each other."""

_BODY = "<body>"


def page(shown: Mapping[str, Any]) -> str:
    """What a study shows -> its page."""
    parts = {
        "title": escape(str(shown["title"])),
        "style": _part("page.css"),
        "study": json.dumps(shown, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c"),
        "script": "".join(_part(name) for name in SCRIPTS),
    }
    head, *rest = _part("page.html").split("{{")
    return head + "".join(parts[name] + text for name, text in (piece.split("}}", 1) for piece in rest))


def served(page: str) -> str:
    """The same page, told that the server it comes from takes the answers."""
    return page.replace(_BODY, '<body data-served="yes">', 1)


def _part(name: str) -> str:
    return resources.files("zeroconv.evaluation.study").joinpath("page", name).read_text("utf-8")
