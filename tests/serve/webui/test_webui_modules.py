import pytest

from zeroconv import conditions
from zeroconv.errors import UserError
from zeroconv.serve.webui.modules import (
    CONTROL_TYPES,
    INVERT,
    MODULES,
    NONE,
    Module,
    find_module,
    module_names,
    module_options,
)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_module_makes_a_condition_with_its_options(module: Module) -> None:
    options = module_options(module, -1, -1)
    made = conditions.create(module.condition, **options)
    assert {name: getattr(made, name) for name in options} == options
    assert find_module(module.name) is module is find_module(module.alias or module.name)
    assert module.condition in CONTROL_TYPES.values()


def test_sliders_set_the_options_in_their_order() -> None:
    canny = find_module("Canny")
    assert isinstance(canny, Module)
    assert module_options(canny, 50, 120.4) == {"low": 50, "high": 120}
    for nothing in (None, -1, 1e308):
        assert module_options(canny, nothing, -1) == {"low": 100, "high": 200}


@pytest.mark.parametrize(("name", "expected"), [(None, NONE), ("", NONE), ("None", NONE), ("invert", INVERT)])
def test_pictures_that_are_ready(name: str | None, expected: str) -> None:
    assert find_module(name) == expected


def test_an_unknown_module_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'canny'"):
        find_module("cany")


def test_names_are_unique() -> None:
    assert len(set(module_names())) == len(module_names()) == len(set(module_names(alias=True)))
