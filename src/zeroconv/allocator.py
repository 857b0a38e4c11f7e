"""How the C library keeps memory that was freed: large tensors come and go with every step and every layer.

glibc gives a large block back to the system as soon as it is freed. The next tensor is then new memory, which the
system clears and maps page by page as it is touched: a third of the time of a training step of SD 1.5's size on a CPU.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Of mallopt(3)."""
_NEVER = -1
_USUAL_MMAP_MAX = 65536
_state = {"is_keeping": False}


def keep_freed_memory() -> bool:
    """Lets this process keep what it frees and use it again; whether that could be arranged, which glibc alone can.

    The results are the same bit by bit, and the largest memory is that of before but for gaps between blocks; what is
    not needed any more goes back to the system when the process ends.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    adjust = ctypes.CDLL(None).mallopt
    _state["is_keeping"] = bool(adjust(_MMAP_MAX, 0) and adjust(_TRIM_THRESHOLD, _NEVER))
    return _state["is_keeping"]


@contextmanager
def freed_memory_given_back() -> Iterator[None]:
    """Hands the system what is kept, and keeps no large blocks meanwhile: for work whose blocks are of other sizes than
    those before, few and huge, so that the gaps between them would be dear."""
    if not _state["is_keeping"]:
        yield
        return
    library = ctypes.CDLL(None)
    library.malloc_trim(0)
    library.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, 0)
