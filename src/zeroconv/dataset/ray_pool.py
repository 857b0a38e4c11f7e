"""One function over many jobs on all machines of a Ray cluster, as a Ray Data job.

The machines see the same folders under the same paths and have this package installed. Ray is the extra `ray`, imported
when a job is started.
"""

import functools
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from zeroconv.dataset.journal import Row
from zeroconv.dataset.pool import Job, Work, in_groups, one_thread
from zeroconv.errors import UserError

BLOCK, MOST_BLOCKS = 16, 10_000
"""Jobs that a machine gets at once, so that little is lost by a kill; more where that would be too many pieces."""


def ray_results(
    work: Work[Job], jobs: Sequence[Job], address: str, workers: int | None, batch_size: int = 1
) -> Iterator[Row]:
    """What `work` makes of each job, given groups of `batch_size`, in whatever order they are finished.

    `work` and the jobs can be pickled.

    address  of the cluster, as auto or ray://head:10001; empty: one on this machine, of `workers` processes
    UserError where Ray is not installed, the cluster cannot be reached, or a job meets with one.
    """
    if not jobs:
        return
    data = _connected(address, workers)
    from ray import get, put

    groups = in_groups(jobs, batch_size)
    shared = put(groups)

    def run(row: dict[str, Any]) -> dict[str, str]:
        _prepare()
        try:
            return {"made": json.dumps(work(get(shared)[row["number"]])), "mistake": ""}
        except UserError as error:
            return {"made": "[]", "mistake": str(error)}

    blocks = min(MOST_BLOCKS, len(groups), -(-len(jobs) // BLOCK))
    numbers = data.from_items([{"number": number} for number in range(len(groups))], override_num_blocks=blocks)
    for row in numbers.map(run).iter_rows():
        if row["mistake"]:
            raise UserError(row["mistake"])
        yield from json.loads(row["made"])


@functools.cache
def _prepare() -> None:
    one_thread()


def _connected(address: str, workers: int | None) -> Any:
    """Ray Data, once there is a cluster."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UserError(
            f"--ray needs the extra ray (pip install 'zeroconv[ray]'): {error}; without it all cores of this machine "
            "are used"
        ) from error
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "ignore_reinit_error": True}
    try:
        if address:
            ray.init(address, **quiet)
        elif not ray.is_initialized():
            ray.init("local", num_cpus=workers or None, include_dashboard=False, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"--ray: no cluster at {address or 'this machine'} ({str(error).splitlines()[0]})") from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # our own bar and sentences say it
    return ray.data
