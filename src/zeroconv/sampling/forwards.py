"""Other forwards for single modules of a network, for the length of one prediction and for the thread that makes it.

diffusers' blocks are run as they are; what a speed-up changes is one module's forward at a time, and whoever holds the
same network, in this thread or in another, finds it unchanged.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, RLock, get_ident
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

Forward = Callable[..., Any]

_locks: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()
_new_lock = Lock()


@contextmanager
def replaced(network: nn.Module, forwards: Mapping[nn.Module, Forward]) -> Iterator[None]:
    """Modules of the network with these forwards meanwhile. Other threads that use it directly see its own forwards;
    those that come here for the same network wait."""
    with _lock_of(network):
        before = {module: vars(module).get("forward") for module in forwards}
        try:
            for module, forward in forwards.items():
                module.forward = _for_this_thread(forward, module.forward)
            yield
        finally:
            for module, theirs in before.items():
                vars(module).pop("forward", None)
                if theirs is not None:
                    module.forward = theirs


def is_compiled(network: nn.Module) -> bool:
    """Whether torch.compile made code of the network or of parts of it, which another forward would make anew."""
    parts = (getattr(module, "_compiled_call_impl", None) for module in network.modules())
    return hasattr(network, "_orig_mod") or any(part is not None for part in parts)


def _for_this_thread(forward: Forward, plain: Forward) -> Forward:
    thread = get_ident()

    def either(*values: Any, **named: Any) -> Any:
        return (forward if get_ident() == thread else plain)(*values, **named)

    return either


def _lock_of(network: nn.Module) -> Any:
    with _new_lock:
        return _locks.setdefault(network, RLock())
