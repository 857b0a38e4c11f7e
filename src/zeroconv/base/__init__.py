"""The locked base: its networks, where they are found and read, how they are written and named."""

from zeroconv.base.fingerprint import unet_fingerprint
from zeroconv.base.model import BUILT_IN, BaseModel, base_place, load_base

__all__ = ["BUILT_IN", "BaseModel", "base_place", "load_base", "unet_fingerprint"]
