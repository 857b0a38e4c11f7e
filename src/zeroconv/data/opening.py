"""How `--data` names a source."""

from collections.abc import Callable
from pathlib import Path

from zeroconv.data.extraction import Extraction
from zeroconv.data.folder import FolderSource
from zeroconv.data.listing import is_listed
from zeroconv.data.scenes import SceneSource
from zeroconv.data.sources import Source
from zeroconv.errors import UserError, nearest


def open_source(name: str, extraction: Extraction, size: int) -> Source:
    """The source that `name` stands for; pictures of size x size pixels.

    "scenes:20000" or "scenes:20000,seed=3": rendered scenes. "folder:PATH" or "folder:PATH,conditions=PATH2", or a path
    alone, or tar shards as "data/*.tar": pictures of one's own (zeroconv.data.listing names the layouts).
    Raises UserError for an unknown kind, a count that is no positive number, an unknown option, or an unusable folder.
    """
    kind, _, rest = name.partition(":")
    if kind in READERS:
        return READERS[kind](rest, extraction, size)
    place = Path(name.partition(",conditions=")[0]).expanduser()
    if name and is_listed(place):
        return _folder(name, extraction, size)
    raise UserError(
        "--data is a folder of pictures, tar shards as 'data/*.tar', or 'scenes:COUNT' for rendered scenes; "
        f"got {name!r}, which is no folder; "
        f"{nearest(kind, READERS)}"
    )


def _scenes(rest: str, extraction: Extraction, size: int) -> Source:
    count, *options = rest.split(",")
    values = dict(option.partition("=")[::2] for option in options)
    if unknown := values.keys() - {"seed"}:
        raise UserError(f"scenes have no option {sorted(unknown)[0]!r}; {nearest(sorted(unknown)[0], ['seed'])}")
    return SceneSource(
        count=_whole_number(count, "the number of scenes", least=1),
        extraction=extraction,
        size=size,
        seed=_whole_number(values.get("seed", "1"), "the seed of the scenes", least=0),
    )


def _folder(rest: str, extraction: Extraction, size: int) -> Source:
    path, _, ready = rest.partition(",conditions=")
    return FolderSource.open(Path(path).expanduser(), Path(ready).expanduser() if ready else None, extraction, size)


def _whole_number(text: str, what: str, least: int) -> int:
    digits = text.strip().replace("_", "")
    if not (digits.isascii() and digits.isdigit()) or int(digits) < least:
        raise UserError(f"{what} must be a whole number of at least {least}, as in 'scenes:20000'; got {text!r}")
    return int(digits)


READERS: dict[str, Callable[[str, Extraction, int], Source]] = {"scenes": _scenes, "folder": _folder}
