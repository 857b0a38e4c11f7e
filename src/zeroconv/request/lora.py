"""A LoRA that is asked for: its file and its strength."""

from dataclasses import dataclass
from pathlib import Path

from zeroconv.checked import number, set_field
from zeroconv.errors import UserError


@dataclass(frozen=True)
class Lora:
    """A LoRA file and how strongly it acts."""

    file: str | Path
    """A .safetensors file in diffusers', kohya's or peft's layout."""
    strength: float = 1.0
    """Factor on what it adds to the weights: 0 is none, 1 as trained."""

    def __post_init__(self) -> None:
        """UserError for a strength that is no number."""
        if not isinstance(self.file, str | Path) or not str(self.file):
            raise UserError(f"a LoRA is a file, not {self.file!r}")
        set_field(self, "strength", number(f"strength of the LoRA {self.file}", self.strength))


def parse_lora(text: str) -> Lora:
    """FILE[:strength] -> the LoRA."""
    file, colon, strength = text.rpartition(":")
    try:
        return Lora(file, float(strength)) if colon and not Path(text).exists() else Lora(text)
    except ValueError:  # a colon within a path
        return Lora(text)
