"""The flags that name a base, the same wherever a command takes one, and the base that they name."""

from argparse import Namespace
from typing import Any

import torch

from zeroconv.base.model import BaseModel, load_base
from zeroconv.base.single_file.prediction import PREDICTIONS

BASE_HELP = "built-in name, diffusers folder, single .safetensors or .ckpt file, or hub id (default: tiny)"
_TOKENIZER_HELP = """where CLIP's vocabulary lies, which a single file does not hold: a folder with vocab.json and
merges.txt or with bpe_simple_vocab_16e6.txt.gz, or a base's folder (default: the hub cache, then an installed
open_clip)"""
_PREDICTION_HELP = """what the base predicts, for files that do not say it, such as those of SD 2.x (default: what the
folder or the file says, else what the base answers to pure noise)"""


def add_base_flags(parser: Any, default: str | None = "tiny") -> None:
    """Give a parser or a group --base, --tokenizer and --prediction."""
    parser.add_argument("--base", metavar="NAME", default=default, help=BASE_HELP)
    parser.add_argument("--tokenizer", metavar="DIR", help=_TOKENIZER_HELP)
    choices = "|".join(PREDICTIONS)
    parser.add_argument("--prediction", metavar=choices, choices=PREDICTIONS, help=_PREDICTION_HELP)


def load_asked(
    arguments: Namespace, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> BaseModel:
    """Load the base that the flags name, and say what was decided for the user."""
    base = load_base(
        arguments.base, device=device, dtype=dtype, tokenizer=arguments.tokenizer, prediction=arguments.prediction
    )
    for note in base.notes:
        print(note)
    return base
