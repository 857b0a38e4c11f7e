"""Prompts become hidden states exactly as diffusers' StableDiffusionPipeline and StableDiffusionXLPipeline make them.

Source: diffusers' `encode_prompt`; CLIP, arXiv 2103.00020. Shapes: B prompts, L tokens, D text width, P pooled width.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from zeroconv.notes import note


def last_states(tokenizer: Any, encoder: Any, prompts: Sequence[str]) -> Tensor:
    """SD 1.5 and 2.1: the last hidden states after the final norm (SD 2.1's folder leaves out the last layer)."""
    tokens, mask = _tokenize(tokenizer, encoder, prompts)
    states: Tensor = encoder(tokens, attention_mask=mask)[0]
    return states.to(encoder.dtype)


def penultimate_states(tokenizer: Any, encoder: Any, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """SDXL: the states before the last layer, without the final norm, and the encoder's first output (its pooled)."""
    tokens, _ = _tokenize(tokenizer, encoder, prompts)
    output = encoder(tokens, output_hidden_states=True)
    return output.hidden_states[-2].to(encoder.dtype), output[0]


def _tokenize(tokenizer: Any, encoder: Any, prompts: Sequence[str]) -> tuple[Tensor, Tensor | None]:
    """Token numbers (B, L) and, for the few encoders that want it, the attention mask (B, L)."""
    length = _length(tokenizer, encoder)
    inputs = tokenizer(list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    note_cuts(tokenizer, encoder, prompts)
    mask = inputs.attention_mask.to(encoder.device) if getattr(encoder.config, "use_attention_mask", False) else None
    return inputs.input_ids.to(encoder.device), mask


def note_cuts(tokenizer: Any, encoder: Any, prompts: Sequence[str]) -> None:
    """Notes of each prompt that is too long which end of it the encoder does not see."""
    length = _length(tokenizer, encoder)
    for prompt in prompts:
        whole = tokenizer(prompt, truncation=True, max_length=10**6).input_ids
        if len(whole) > length:
            cut = tokenizer.decode(whole[length - 1 : -1]).strip()
            note(f"the prompt exceeds {length} tokens, its end is not seen by the base: {cut!r}", stacklevel=2)


def _length(tokenizer: Any, encoder: Any) -> int:
    return int(min(tokenizer.model_max_length, encoder.config.max_position_embeddings))
