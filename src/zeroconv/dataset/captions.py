"""Where the captions of a data set come from: from files, or from BLIP, which says the same of a picture every time.

Source: BLIP (arXiv:2201.12086), through transformers.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zeroconv.conditions import pretrained
from zeroconv.data.entry import Entry
from zeroconv.data.listing import LISTS, Listing, caption_beside
from zeroconv.errors import UserError

WEIGHTS = "Salesforce/blip-image-captioning-base"
BEAMS = 3
"""Candidates that are followed at once, as in the released demonstrations; nothing is drawn at random."""
LONGEST = 30
"""Pieces of words at most."""
_WORDS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def captioned(listing: Listing, photos: Path, captions: str) -> Sequence[Entry]:
    """The entries with the captions of one kind: folder, sidecar or jsonl; blip and none: empty ones.

    UserError where the photographs have none of this kind.
    """
    if captions in ("blip", "none"):
        return [replace(entry, caption="") for entry in listing.entries]
    if captions == "jsonl" and listing.layout not in ("imagefolder", "tutorial"):
        raise UserError(f"--captions jsonl needs {', '.join(LISTS)} in {photos}, which is read as {listing.layout}")
    if captions != "sidecar" or listing.layout == "webdataset":  # in shards texts lie beside the pictures
        return listing.entries
    entries = [
        replace(entry, caption=caption_beside(entry.picture) if isinstance(entry.picture, Path) else "")
        for entry in listing.entries
    ]
    if not any(entry.caption for entry in entries):
        raise UserError(f"--captions sidecar needs text files as PICTURE.txt beside the pictures; {photos} has none")
    return entries


def describe(image: np.ndarray, weights: str) -> str:
    """What a picture uint8 (H, W, 3) shows, in a short sentence; `weights` is a folder or a hub id.

    UserError where there are no weights, PictureError for a picture that cannot be scaled to the network's size.
    """
    loaded = pretrained.load(
        "BlipForConditionalGeneration", weights, of="captions", example=WEIGHTS, option="--caption-weights ",
        also=_WORDS, otherwise="captions in text files beside the pictures need no network: --captions sidecar",
    )  # fmt: skip
    words = _tokenizer(str(loaded.model.name_or_path))
    import torch

    device = loaded.model.device
    inputs = {name: values.to(device) for name, values in loaded.prepared(image).items()}
    with torch.inference_mode():
        found = loaded.model.generate(**inputs, num_beams=BEAMS, do_sample=False, max_new_tokens=LONGEST)
    start = loaded.model.config.text_config.bos_token_id  # of the decoder; the words need not know it
    return str(words.decode(found[0][found[0] != start], skip_special_tokens=True)).strip()


@functools.lru_cache(maxsize=2)
def _tokenizer(folder: str) -> Any:
    import transformers

    lists = ("tokenizer.json", "vocab.txt")
    try:
        if not any((Path(folder) / name).is_file() for name in lists):
            raise FileNotFoundError("without them transformers makes a tokenizer that knows no word")
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as problem:  # missing and damaged files raise errors of many kinds
        raise UserError(f"captions: {folder} has no words that can be read; expected {' or '.join(lists)}") from problem
