"""CLIP's vocabulary is found where it was named, in the hub cache, in a package, or asked for."""

import json
import sys
from pathlib import Path

import pytest

from singlefiles import vocabulary, write_vocabulary
from zeroconv.base.single_file.vocabulary import find_vocabulary
from zeroconv.errors import UserError

REAL = Path(__file__).parents[3] / "shared" / "data" / "tokenizer"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty hub cache and no package that has the vocabulary -> the cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("zeroconv.base.single_file.vocabulary._MODULES", ("a_package_of_this_test",))
    return tmp_path / "cache"


def write_json(folder: Path, tokens: int = 49408) -> None:
    folder.mkdir(parents=True)
    names = dict(list(vocabulary().tokens.items())[:tokens])
    (folder / "vocab.json").write_text(json.dumps(names))
    merges = "\n".join(" ".join(pair) for pair in vocabulary().merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")


@pytest.mark.skipif(not REAL.is_dir(), reason="CLIP's vocabulary does not ship; it lies in ../shared/data/tokenizer")
def test_the_real_vocabulary_gives_clips_numbers() -> None:
    found = find_vocabulary(REAL)
    numbers = found.tokenizer("clip", 77)("a photo of a cat", padding="max_length").input_ids
    assert numbers[:8] == [49406, 320, 1125, 539, 320, 2368, 49407, 49407] and len(numbers) == 77
    assert found.tokenizer("open_clip", 77)("a cat", padding="max_length").input_ids[3:6] == [49407, 0, 0]


def test_it_is_asked_for_in_one_sentence(nowhere: Path) -> None:
    with pytest.raises(UserError, match="--tokenizer DIR") as caught:
        find_vocabulary()
    assert "\n" not in str(caught.value)


def test_the_named_folder_comes_first(nowhere: Path, tmp_path: Path) -> None:
    write_json(nowhere / "models--a--b" / "snapshots" / "1" / "tokenizer")
    folder = write_vocabulary(tmp_path / "named")
    assert str(folder) in find_vocabulary(folder).source
    write_json(tmp_path / "base" / "tokenizer")
    assert find_vocabulary(tmp_path / "base") == find_vocabulary(tmp_path / "base" / "tokenizer")
    assert find_vocabulary(tmp_path / "base").tokens == vocabulary().tokens
    for wrong in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match=r"holds no vocabulary of CLIP: expected a folder"):
            find_vocabulary(wrong)


def test_then_the_hub_cache_then_a_package(nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vocabulary(tmp_path / "site" / "a_package_of_this_test")
    (tmp_path / "site" / "a_package_of_this_test" / "__init__.py").write_text("raise RuntimeError('was imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert "a_package_of_this_test" in find_vocabulary().source
    assert "a_package_of_this_test" not in sys.modules
    write_json(nowhere / "models--other--model" / "snapshots" / "1", tokens=1000)
    assert "a_package_of_this_test" in find_vocabulary().source
    write_json(nowhere / "models--owner--name" / "snapshots" / "1" / "tokenizer")
    assert "owner--name" in find_vocabulary().source
