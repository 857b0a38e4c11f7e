"""Files of weights that the field measures with and that no package brings: where they are looked for, and read.

They are read as tensors alone, so that no file can run code.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from zeroconv.conditions.weight_files import WeightFile, fill, find, read_tensors
from zeroconv.errors import UserError

FID_INCEPTION = WeightFile(
    "pt_inception-2015-12-05-6726825d.pth",
    repository=None,
    page="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    otherwise="leave fid and kid out of --measures",
)
AESTHETIC = WeightFile(
    "sac+logos+ava1-l14-linearMSE.pth",
    repository=None,
    page="https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/main/sac%2Blogos%2Bava1-l14-linearMSE.pth",
    otherwise="leave aesthetic out of --measures",
)


def place_of(file: WeightFile, given: str, name: str) -> Path:
    """The file's path: `given`, a file or the folder that holds it, else where torch.hub keeps downloads.

    name: the backbone's, for errors. UserError says where it was looked for and how to get it.
    """
    if given:
        return find(file, given)
    kept = Path(torch.hub.get_dir()) / "checkpoints"
    if (kept / file.name).is_file():
        return kept / file.name
    raise UserError(
        f"{name} needs {file.name}, which is not in {kept}, where torch.hub keeps downloads: get it from "
        f"{file.address} and put it there or name it with --weights {name}=FILE, or {file.otherwise}"
    )


def read_published(path: Path, network: nn.Module, *, without: tuple[str, ...] = ()) -> None:
    """Fill `network` with the tensors of a file; UserError where they are another network's.

    without: beginnings of keys that the file has and the network does not. Counters of batches, which some files have
    and no result depends on, are left as they are.
    """
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    stored: Mapping[str, Tensor] = {
        key: value.float()
        for key, value in read_tensors(path).items()
        if not key.startswith(without) and not key.endswith("num_batches_tracked")
    }
    fill(network, {**counters, **stored}, path)
