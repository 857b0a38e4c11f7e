"""Other forwards for single modules of a network, for the length of one prediction and for the thread that makes it.

diffusers' blocks are run as they are; what a speed-up changes is one module's forward at a time, and whoever holds the
same network, in this thread or in another, finds it unchanged.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from threading import Lock, RLock, get_ident
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from torch import nn

Forward = Callable[..., Any]
_Network = TypeVar("_Network", bound=nn.Module)

_locks: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()
_new_lock = Lock()


@contextmanager
def replaced(network: nn.Module, forwards: Mapping[nn.Module, Forward]) -> Iterator[None]:
    """Modules of the network with these forwards meanwhile. Other threads that use it directly see its own forwards;
    those that come here for the same network wait."""
    with _lock_of(network):
        before = {module: vars(module).get(_place(module)) for module in forwards}
        try:
            for module, forward in forwards.items():
                setattr(module, _place(module), _for_this_thread(forward, forward_of(module)))
            yield
        finally:
            for module, theirs in before.items():
                place = _place(module)
                vars(module).pop(place, None)
                if theirs is not None:
                    setattr(module, place, theirs)


def copied(network: _Network) -> _Network:
    """A copy of the network as it is of itself, though other threads predict with it: they wait, or are waited for."""
    with _lock_of(network):
        return deepcopy(network)


def forward_of(module: nn.Module) -> Forward:
    """What computes the module when it is called: its forward, or the code that torch.compile made of it."""
    forward: Forward = getattr(module, _place(module))
    return forward


def _place(module: nn.Module) -> str:
    """The attribute that a call goes to. Of a compiled module it is the code as a whole: a forward within would be
    compiled itself."""
    return "forward" if getattr(module, "_compiled_call_impl", None) is None else "_compiled_call_impl"


def within_compiled(network: nn.Module) -> set[nn.Module]:
    """The modules that are part of a larger one's compiled code, where another forward would make that code anew."""
    compiled = [module for module in network.modules() if _place(module) != "forward" or hasattr(module, "_orig_mod")]
    return {part for module in compiled for part in module.modules() if part is not module}


def _for_this_thread(forward: Forward, plain: Forward) -> Forward:
    thread = get_ident()

    def either(*values: Any, **named: Any) -> Any:
        return (forward if get_ident() == thread else plain)(*values, **named)

    return either


def _lock_of(network: nn.Module) -> Any:
    with _new_lock:
        return _locks.setdefault(network, RLock())
