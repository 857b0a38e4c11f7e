"""CLIP's vocabulary, which no single file of a base holds: looked for on this disk, never downloaded.

Source: CLIP, arXiv 2103.00020; its byte-level BPE of 49,408 tokens, which all of SD 1.x, 2.x and SDXL read. It comes
as vocab.json and merges.txt (transformers) or as bpe_simple_vocab_16e6.txt.gz (CLIP, open_clip).
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zeroconv.errors import UserError

_BPE = "bpe_simple_vocab_16e6.txt.gz"
_SIZE = 49408
START, END = "<|startoftext|>", "<|endoftext|>"
PADDING = {"clip": END, "open_clip": "!"}
"""What fills a short prompt up, by the kind of the text encoder."""
_MODULES = ("open_clip", "clip")
"""Installed packages that hold the vocabulary."""


@dataclass(frozen=True)
class Vocabulary:
    """CLIP's tokens and merges."""

    tokens: dict[str, int]
    merges: list[tuple[str, str]]
    source: str
    """Where it was found."""

    def tokenizer(self, kind: str, length: int) -> Any:
        """transformers' CLIPTokenizer for a text encoder of this kind and this many tokens."""
        from transformers import CLIPTokenizer

        return CLIPTokenizer(self.tokens, self.merges, pad_token=PADDING[kind], model_max_length=length)


def find_vocabulary(folder: str | Path | None = None) -> Vocabulary:
    """CLIP's vocabulary in `folder` if one is given, else in the hub cache, else in an installed open_clip.

    UserError: not in the given folder, or nowhere; it says what to give.
    """
    if folder is not None:
        found = _in_folder(Path(folder).expanduser())
        if found is None:
            raise UserError(
                f"{folder} holds no vocabulary of CLIP: expected a folder with vocab.json and merges.txt, "
                f"with {_BPE}, or a base's folder."
            )
        return found
    for place in (*_cached_folders(), *_package_folders()):
        if (found := _in_folder(place)) is not None:
            return found
    raise UserError(
        "the vocabulary of CLIP, which a single file does not hold, is neither in the hub cache nor in an installed "
        f"open_clip package: give --tokenizer DIR, a folder with vocab.json and merges.txt (the tokenizer of any SD "
        f"1.x, 2.x or SDXL folder) or with {_BPE}."
    )


def _in_folder(folder: Path) -> Vocabulary | None:
    """The vocabulary in a folder, in its tokenizer/ or in a file that is named itself; None where it is not CLIP's."""
    if folder.is_file():
        return _from_bpe(folder) if folder.name.endswith(".txt.gz") else _in_folder(folder.parent)
    for place in (folder, folder / "tokenizer"):
        if (place / "vocab.json").is_file() and (place / "merges.txt").is_file():
            return _from_json(place)
        if (place / _BPE).is_file():
            return _from_bpe(place / _BPE)
    return None


def _from_json(folder: Path) -> Vocabulary | None:
    try:
        tokens = json.loads((folder / "vocab.json").read_text("utf-8"))
        lines = (folder / "merges.txt").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return None
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    merges = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
    return Vocabulary(tokens, merges, str(folder)) if len(tokens) == _SIZE else None


def _from_bpe(path: Path) -> Vocabulary | None:
    """OpenAI's file: the merges in their order; tokens are the bytes, the bytes at a word's end, then the merges."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")[1 : _SIZE - 2 * 256 - 2 + 1]
    except (OSError, EOFError, UnicodeDecodeError):
        return None
    letters = _letters()
    merges = [(pair[0], pair[1]) for pair in (line.split() for line in lines) if len(pair) == 2]
    names = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), START, END]
    tokens = {name: number for number, name in enumerate(names)}
    return Vocabulary(tokens, merges, str(path)) if len(tokens) == _SIZE else None


def _letters() -> list[str]:
    """The 256 bytes as letters: those that can be printed as themselves, first, then the others from 256 on."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(code) for code in printed] + [chr(256 + number) for number in range(256 - len(printed))]


def _cached_folders() -> Iterator[Path]:
    """Every folder in the hub cache that may hold a tokenizer; nothing is asked of the network."""
    from huggingface_hub.constants import HF_HUB_CACHE

    for pattern in ("models--*/snapshots/*/tokenizer/vocab.json", "models--*/snapshots/*/vocab.json"):
        yield from sorted(path.parent for path in Path(HF_HUB_CACHE).glob(pattern))


def _package_folders() -> Iterator[Path]:
    for name in _MODULES:
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place)
