"""ControlNets on disk: save, load, convert and describe, in our layout, diffusers' and the original one.

keys: names of weights; files: safe reading; architecture: configs; sidecar: `zeroconv.json`; places: where a
checkpoint is; completion: what needs its base to be whole; adapters: T2I-Adapters; saving, loading, interop, describe,
convert and proof: what to do with it.
"""

from zeroconv.weights.describe import Description, describe
from zeroconv.weights.interop import as_diffusers
from zeroconv.weights.loading import load, load_control, load_with_sidecar
from zeroconv.weights.places import BUILT_IN, file_hash
from zeroconv.weights.saving import save, to_diffusers, to_original
from zeroconv.weights.sidecar import Sidecar, read_sidecar

__all__ = [
    "BUILT_IN",
    "Description",
    "Sidecar",
    "as_diffusers",
    "describe",
    "file_hash",
    "load",
    "load_control",
    "load_with_sidecar",
    "read_sidecar",
    "save",
    "to_diffusers",
    "to_original",
]
