"""Paths do not leave the server; the rest of a sentence does."""

import pytest

from zeroconv.serve.jobs.sentences import without_paths


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("no file /home/me/models/net.pth: expected one", "no file net.pth: expected one"),
        ("/data/x/y.png is damaged", "y.png is damaged"),
        ("looked in '/srv/cache/huggingface/hub' (offline)", "looked in 'hub' (offline)"),
        (r"no file C:\models\net.pth here", "no file net.pth here"),
        ("no file ../secret/net.pth here", "no file net.pth here"),
        ("strengths as 0/0.5/1, not 'x'", "strengths as 0/0.5/1, not 'x'"),
        ("a hub id (owner/name)", "a hub id (owner/name)"),
        ("expected application/json or multipart/form-data", "expected application/json or multipart/form-data"),
    ],
)
def test_paths_become_their_last_name(sentence: str, left: str) -> None:
    assert without_paths(sentence) == left
