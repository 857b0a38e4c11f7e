"""Memory that is kept: counted in the pages that further tensors of the same size need, in a process of its own."""

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
for _ in range(30):
    torch.ones(1 << 24)
print(pages() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_freed_is_used_again() -> None:
    """Thirty times 64 MiB are 491,520 pages; an aligned block fits into a freed one only once its neighbour is free."""
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True).stdout)
        for how in ("as ever", "keep")
    )
    assert kept < given_back / 2 and given_back > 400_000


KEPT = """
import torch
from pathlib import Path
from zeroconv.allocator import freed_memory_given_back, keep_freed_memory
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
assert keep_freed_memory()
block, behind = torch.ones(1 << 26), torch.ones(1 << 20)
del block
kept = resident()
with freed_memory_given_back():
    given = resident()
    block, behind = torch.ones(1 << 26), torch.ones(1 << 20)
    del block
    print(kept - given, resident() - given)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_kept_is_given_back_when_asked() -> None:
    """256 MiB, though a block behind them is still in use; and meanwhile no such block is kept."""
    run = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, text=True)
    given_back, kept_meanwhile = map(int, run.stdout.split())
    assert given_back > 200 * 2**20 and kept_meanwhile < 50 * 2**20


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert keep_freed_memory() is False
