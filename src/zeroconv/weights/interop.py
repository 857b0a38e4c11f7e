"""Our ControlNet as diffusers' ControlNetModel: the same parameters, so that any diffusers pipeline runs it."""

from typing import TYPE_CHECKING

import torch

from zeroconv.control import ControlNet
from zeroconv.errors import UserError
from zeroconv.weights.architecture import config_of, only_ours
from zeroconv.weights.keys import ours_to_diffusers

if TYPE_CHECKING:
    from diffusers import ControlNetModel


def as_diffusers(controlnet: ControlNet) -> "ControlNetModel":
    """A ControlNetModel that shares our parameters: what trains here is seen there. Later `.to` calls part the two.

    UserError for variants that diffusers cannot run.
    """
    from diffusers import ControlNetModel

    if reason := only_ours(controlnet):
        raise UserError(f"diffusers' ControlNetModel cannot run this ControlNet: {reason}.")
    with torch.device("meta"):
        model = ControlNetModel.from_config(config_of(controlnet))
    parameters = {ours_to_diffusers(key): parameter for key, parameter in controlnet.named_parameters()}
    model.load_state_dict(parameters, assign=True)
    return model.train(controlnet.training)
