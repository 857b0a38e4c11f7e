"""Errors as clients may read them: without the server's paths."""

import re

_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:~|\.{1,2})?(?:[/\\][^\s/\\:;,'\"()]+){2,}[/\\]?")
"""Names after two or more slashes, as /home/me/x.png or C:\\models\\x; owner/name is none."""


def without_paths(sentence: str) -> str:
    """Every path in the sentence as its last name alone."""
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], sentence)
