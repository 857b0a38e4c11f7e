"""docs/method.md says what the files say: its excerpts stand in them word for word, its names exist."""

import re
from pathlib import Path

import pytest

import zeroconv.base.model as base
import zeroconv.control as control
import zeroconv.objective as objective
import zeroconv.sampling as sampling

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "method.md").read_text("utf-8")
SOURCE = "\n".join(
    (ROOT / "src" / "zeroconv" / name).read_text("utf-8")
    for name in ("control.py", "sampling/composition.py", "sampling/guidance.py", "sampling/loop.py", "objective.py")
)
EXCERPTS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
NAMES = sorted(set(re.findall(r"`((?:[A-Z]\w+|[a-z]+_\w+)(?:\.\w+)?)(?:\([^`]*\))?`", TEXT)))
PATHS = sorted(set(re.findall(r"`((?:tests|src)/[\w/.]+)`", TEXT)))
# Names of others: diffusers', the files' fields and options of ControlNet, the symbols of the formulas.
FOREIGN = {"ControlNetModel", "layers_per_block", "only_mid_control"}


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_excerpts_are_true(excerpt: str) -> None:
    assert excerpt in SOURCE


def test_there_is_something_to_compare() -> None:
    assert len(EXCERPTS) >= 7 and len(NAMES) > 15 and PATHS


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FOREIGN])
def test_names_exist(name: str) -> None:
    owner, _, attribute = name.partition(".")
    known = [vars(module)[owner] for module in (control, sampling, objective, base) if owner in vars(module)]
    if known and attribute:
        assert hasattr(known[0], attribute) or f"self.{attribute}" in SOURCE
        return
    assert known or re.search(rf"\b{owner}\b", SOURCE), f"{name} is nowhere in the method's files"


@pytest.mark.parametrize("path", PATHS)
def test_paths_exist(path: str) -> None:
    assert (ROOT / path).is_file()
