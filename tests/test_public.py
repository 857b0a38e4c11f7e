import subprocess
import sys

import pytest

import zeroconv
from zeroconv.errors import UserError


def fresh(code: str) -> None:
    """Run the code in a new interpreter; it must not fail."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'diffusers', 'transformers', 'numpy', 'PIL', 'cv2', 'huggingface_hub', 'scipy', 'matplotlib'}"
    fresh(f"import sys, zeroconv; found = {heavy} & set(sys.modules); assert not found, found")


def test_the_public_parts_import_neither_diffusers_nor_transformers() -> None:
    names = "BaseModel, Control, ControlNet, Request, Sidecar, Text, as_diffusers, generate, load, load_base, save"
    fresh(
        f"import sys; from zeroconv import {names}\n"
        "found = {'diffusers', 'transformers', 'huggingface_hub'} & set(sys.modules); assert not found, found"
    )


def test_a_request_is_made_without_what_makes_pictures_of_it() -> None:
    fresh(
        "import sys; from zeroconv import ControlRequest, Request\n"
        "found = {'zeroconv.generate', 'zeroconv.base', 'zeroconv.weights'} & set(sys.modules); assert not found, found"
    )


@pytest.mark.parametrize("name", zeroconv.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(zeroconv, name).__name__ == name
    assert name in dir(zeroconv)


def test_the_list_of_names_is_complete() -> None:
    assert sorted(zeroconv.__all__) == sorted(zeroconv._HOME)
    assert sorted(zeroconv.__all__) == zeroconv.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        zeroconv.nothing  # noqa: B018
    assert zeroconv.UserError is UserError


@pytest.mark.parametrize(
    "first", ["import zeroconv.generate", "from zeroconv.generate import Request", "import zeroconv"]
)
def test_generate_is_the_function_whatever_was_imported_before(first: str) -> None:
    fresh(f"{first}\nimport zeroconv\nfrom zeroconv import generate\nassert generate.__name__ == 'generate', generate")
