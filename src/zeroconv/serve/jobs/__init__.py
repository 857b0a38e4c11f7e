"""Jobs: requests that wait, run and are kept, with what became of them."""

from zeroconv.serve.jobs.job import ENDED, Event, Job, QueueFull, Status
from zeroconv.serve.jobs.jobs import Jobs

__all__ = ["ENDED", "Event", "Job", "Jobs", "QueueFull", "Status"]
