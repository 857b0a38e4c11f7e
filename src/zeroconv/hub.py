"""A hub id becomes a local folder that holds just the files that are needed; everything after that is offline.

Source: huggingface_hub (imported where it is used). Preferred: safetensors, and without a variant before fp16.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from zeroconv.errors import UserError

_STEM = r"(?:diffusion_pytorch_)?model"
_SHARD = r"(?:-\d+-of-\d+)?"
WEIGHT_SETS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("safetensors", re.compile(rf"{_STEM}{_SHARD}\.safetensors(?:\.index\.json)?")),
    ("fp16.safetensors", re.compile(rf"{_STEM}(?:\.fp16{_SHARD}|{_SHARD}\.fp16)\.safetensors|{_STEM}.*\.fp16\.json")),
    ("bin", re.compile(rf"(?:diffusion_pytorch_|pytorch_)model{_SHARD}\.bin(?:\.index\.json)?")),
    ("fp16.bin", re.compile(rf"(?:diffusion_pytorch_|pytorch_)model(?:\.fp16{_SHARD}|{_SHARD}\.fp16)\.bin")),
)


def looks_like_hub_id(name: str) -> bool:
    """Whether `name` has the form owner/name that the hub uses."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) is not None and ".." not in name


def weight_set(names: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The kind of weights to read among the file names of one folder, and their names; None where there are none."""
    for kind, pattern in WEIGHT_SETS:
        found = tuple(name for name in names if pattern.fullmatch(name))
        if found:
            return kind, found
    return None


def fetch(repository: str, choose: Callable[[Sequence[str]], Sequence[str]], what: str) -> Path:
    """Download of `repository` the files that `choose` picks from its list -> local folder.

    Without a network the copy of an earlier download is used. `what` names the thing in errors, as "base".
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        names = [file.rfilename for file in HfApi().model_info(repository, timeout=10).siblings or ()]
        wanted = list(choose(names))
        if wanted:
            return Path(snapshot_download(repository, allow_patterns=wanted))
    except Exception as problem:  # the hub's client changes its own error classes with the HTTP library it uses
        return _earlier_copy(repository, what, problem)
    raise UserError(f"{repository!r} on the hub is not a {what} in the diffusers folder format.")


def _earlier_copy(repository: str, what: str, problem: Exception) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (OSError, ValueError):
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise UserError(f"could not get the {what} {repository!r} from the hub: {reason}") from problem
