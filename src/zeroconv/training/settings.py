"""The settings of a run: those asked for, the others from before or as they suit its base; and whether they can be."""

import warnings
from typing import Any

from zeroconv import fields
from zeroconv.base import BaseModel
from zeroconv.errors import UserError
from zeroconv.training.config import TrainConfig, defaults_for
from zeroconv.training.optimizer import check_optimizer
from zeroconv.training.processes import Processes
from zeroconv.training.sharding import check_can_be_spread
from zeroconv.training.start import num_parameters


def settings_of(
    base: BaseModel, processes: Processes, record: dict[str, Any] | None, given: dict[str, Any]
) -> TrainConfig:
    """The settings of a run that goes on from a saved record, or begins: None. Raises UserError for what cannot be.

    given  settings that were asked for; the others are those of the record, or suit the base.
    """
    _check_base(base)
    before = record["config"] if record else defaults_for(num_parameters(base), base.device)
    config: TrainConfig = fields.build(TrainConfig, {**before, **given}, of="train")
    if "base_learning_rate" in given and config.unlock == "none":
        warnings.warn("base_learning_rate has no effect on a locked base: unlock decoder or all of it", stacklevel=3)
    check_optimizer(config)
    _check_share(config, processes)
    return config


def _check_share(config: TrainConfig, processes: Processes) -> None:
    if config.batch_size < processes.count:
        raise UserError(f"{processes.count} processes cannot share a batch of {config.batch_size}; raise --batch-size")
    if config.unlock != "none" and processes.count > 1:
        check_can_be_spread(config)


def _check_base(base: BaseModel) -> None:
    """The base has to be one that makes pictures of texts alone."""
    takes, latent = base.unet.config.in_channels, base.latent_channels
    if takes != latent:
        raise UserError(
            f"training needs a text-to-image base, with a U-Net of {latent} input channels; {base.name} has {takes}"
        )
