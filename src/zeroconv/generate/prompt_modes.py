"""Prompts longer than the text encoder, and prompts with weights; both leave a short plain prompt as it is.

A long prompt is read in chunks as long as the encoder, each with its own beginning and end, whose states are joined
(webui, sd_embed, compel). Texts of different lengths come into one batch by repetition: attention to keys and values
that are all repeated as often is what it was, so a picture does not depend on the prompts beside it, as it would with
chunks of padding. Shapes: B prompts, L tokens, D text width, P pooled width, K chunks.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zeroconv.base import BaseModel
from zeroconv.base.prompts import note_cuts
from zeroconv.control import Text
from zeroconv.errors import UserError
from zeroconv.request.prompt_mode import PromptMode, compel_library
from zeroconv.request.request import Request


@torch.no_grad()
def encode_prompts(
    base: BaseModel, prompts: Sequence[str], negatives: Sequence[str], size: tuple[int, int], mode: PromptMode
) -> tuple[Text, Text]:
    """What the U-Net reads of the prompts (B each, or 1) for pictures of (width, height) pixels, both equally long.

    plain     what exceeds the encoder is cut with a warning, as in diffusers
    long      all of it is read
    weighted  all of it is read, and compel's syntax with it: (house)1.3, tree++, ("a", "b").and()
    """
    if mode == "plain":
        return base.encode_text(prompts, size), base.encode_negative(negatives, size)
    texts = [_encode(base, prompt, size, mode) for prompt in prompts]
    empty = [_encode(base, prompt, size, mode) if prompt else base.encode_negative([""], size) for prompt in negatives]
    even = _evened([*texts, *empty])
    return Text.cat(even[: len(texts)]), Text.cat(even[len(texts) :])


def note_unread(base: BaseModel, request: Request) -> None:
    """Notes what of the prompts will not be read, without reading them."""
    if request.prompt_mode == "plain":
        for text in (request.prompt, request.negative):
            for tokenizer, encoder in zip(base.tokenizers, base.text_encoders, strict=True):
                note_cuts(tokenizer, encoder, [text] if isinstance(text, str) else text)


def _encode(base: BaseModel, prompt: str, size: tuple[int, int], mode: PromptMode) -> Text:
    """One prompt: (1, K * L, D); pooled states are those of its first chunk."""
    read = _read_chunks if mode == "long" else _read_weighted
    states, pooled = read(base, prompt)
    if not base.takes_sizes:
        return Text(states)
    return Text(states, pooled, base.encode_text([""], size).sizes)


def _evened(texts: list[Text]) -> list[Text]:
    """The texts, each repeated along its tokens until all are equally long."""
    longest = math.lcm(*(text.tokens.shape[1] for text in texts))
    return [Text(t.tokens.repeat(1, longest // t.tokens.shape[1], 1), t.pooled, t.sizes) for t in texts]


def _read_chunks(base: BaseModel, prompt: str) -> tuple[Tensor, Tensor | None]:
    ids = [_chunks(tokenizer, prompt) for tokenizer in base.tokenizers]
    count = max(map(len, ids))  # two tokenizers may count differently
    states, pooled = [], None
    for tokenizer, encoder, chunks in zip(base.tokenizers, base.text_encoders, ids, strict=True):
        padded = chunks + _chunks(tokenizer, "") * (count - len(chunks))
        output: Any = encoder(torch.tensor(padded, device=base.device), output_hidden_states=base.takes_sizes)
        states.append((output.hidden_states[-2] if base.takes_sizes else output[0]).flatten(0, 1))
        pooled = output[0][:1]
    return torch.cat(states, dim=-1)[None].to(base.dtype), pooled if base.takes_sizes else None


def _chunks(tokenizer: Any, prompt: str) -> list[list[int]]:
    """K chunks of token numbers, each begun, ended and padded as the tokenizer does a prompt of its own."""
    length = tokenizer.model_max_length
    begin, *middle, end = tokenizer(prompt, truncation=True, max_length=10**6).input_ids
    parts = [middle[at : at + length - 2] for at in range(0, max(1, len(middle)), length - 2)]
    return [[begin, *part, end] + [tokenizer.pad_token_id] * (length - 2 - len(part)) for part in parts]


def _read_weighted(base: BaseModel, prompt: str) -> tuple[Tensor, Tensor | None]:
    compel = compel_library()
    kinds = compel.ReturnedEmbeddingsType
    is_xl = base.takes_sizes
    reader = compel.Compel(
        tokenizer=list(base.tokenizers) if is_xl else base.tokenizers[0],
        text_encoder=list(base.text_encoders) if is_xl else base.text_encoders[0],
        truncate_long_prompts=False,
        returned_embeddings_type=(
            kinds.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED if is_xl else kinds.LAST_HIDDEN_STATES_NORMALIZED
        ),
        requires_pooled=[False, True] if is_xl else False,
        device=str(base.device),
    )
    try:
        read = reader(prompt)
    except Exception as error:  # its parser raises many kinds for a prompt it cannot read
        raise UserError(f"compel cannot read the prompt {prompt!r}: {error}") from error
    states, pooled = read if is_xl else (read, None)
    return states.to(base.dtype), pooled
