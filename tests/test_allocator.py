"""Memory that is kept: counted in the pages that a second tensor of the same size needs, in a process of its own."""

import platform
import subprocess
import sys

import pytest

from zeroconv.allocator import keep_freed_memory

FAULTS = """
import resource, sys, torch
from zeroconv.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(1 << 24)
before = pages()
torch.ones(1 << 24)
print(pages() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_freed_is_used_again() -> None:
    """64 MiB are 16,384 pages of 4 KiB."""
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True).stdout)
        for how in ("as ever", "keep")
    )
    assert kept < 100 < given_back


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert keep_freed_memory() is False
