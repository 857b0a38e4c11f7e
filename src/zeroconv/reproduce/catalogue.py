"""All experiments by name, in the order in which they are run: those that train nothing first."""

from collections.abc import Mapping, Sequence

from zeroconv.errors import UserError, nearest
from zeroconv.reproduce.experiment import Experiment
from zeroconv.reproduce.experiments import (
    ablations,
    composition,
    data_size,
    depth_to_image,
    misread,
    prompts,
    resolution_weighting,
    sketches,
    sudden_convergence,
    systems_compared,
    transfer,
)

EXPERIMENTS: Mapping[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        prompts,
        composition,
        resolution_weighting,
        misread,
        sudden_convergence,
        transfer,
        data_size,
        depth_to_image,
        systems_compared,
        sketches,
        ablations,
    )
}


def chosen(names: Sequence[str]) -> list[Experiment]:
    """The experiments of these names, `all` standing for every one; UserError for a name that is none."""
    for name in names:
        if name != "all" and name not in EXPERIMENTS:
            raise UserError(f"no experiment is called {name!r}; {nearest(name, ('all', *EXPERIMENTS))}")
    return list(EXPERIMENTS.values()) if "all" in names else [EXPERIMENTS[name] for name in dict.fromkeys(names)]
