"""`zeroconv serve --ray-replicas N`: N owners that compute and N replicas that answer, on one Ray cluster.

Ray runs on this machine alone, unless RAY_ADDRESS names a cluster; there owners are spread over its machines. An
owner's folder lies on the machine it runs on, so on several machines --data should be a folder that all of them see.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import ray
import torch
from fastapi import FastAPI
from ray import serve as ray_serve

from zeroconv.devices import asked_device
from zeroconv.number_types import NUMBER_TYPES, fastest_type, number_type
from zeroconv.serve.application import whole_app
from zeroconv.serve.jobs import Jobs
from zeroconv.serve.models import Models
from zeroconv.serve.scale.listed import ListedModels
from zeroconv.serve.scale.owner import Offer, Owner
from zeroconv.serve.scale.remote import RemoteJobs
from zeroconv.serve.settings import Settings

NAMESPACE = "zeroconv"
_CALLS = 64
"""Calls of replicas that an owner answers at once."""
_REQUESTS = 256
"""Requests that a replica has open at once; most of them wait for a picture."""


def serve_scaled(
    settings: Settings,
    bases: Mapping[str, str],
    controlnets: Mapping[str, str],
    loras: Mapping[str, str],
    *,
    device: str | None,
    dtype: str,
    replicas: int,
) -> None:
    """Serves until a signal comes."""
    place = asked_device(device)
    offer = Offer(bases, controlnets, str(place), NUMBER_TYPES[number_type(dtype, fastest_type(place))], loras)
    scaled = start(settings, offer, replicas)
    print(f"zeroconv serves at {scaled.address} with {replicas} replicas (Ctrl-C ends)", flush=True)
    try:
        threading.Event().wait()
    finally:
        scaled.stop()


@dataclass(frozen=True)
class Scaled:
    """What runs; an owner lives as long as somebody holds it."""

    address: str
    owners: tuple[Any, ...]

    def stop(self) -> None:
        """Ends replicas and owners; what was not finished waits in the owners' folders."""
        ray_serve.shutdown()
        ray.shutdown()


def start(settings: Settings, offer: Offer, replicas: int) -> Scaled:
    """Starts owners and replicas, and returns once they answer."""
    os.environ.setdefault("RAY_worker_niceness", "0")  # by default Ray's processes give way to every other
    ray.init(namespace=NAMESPACE, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    settings = Settings(**{**vars(settings), "data": Path(settings.data).resolve()})
    names = tuple(f"owner-{index}" for index in range(replicas))
    owners = tuple(_owner(name, settings, offer) for name in names)
    known = ray.get(owners[0].models.remote())
    ray.get([owner.waiting.remote() for owner in owners])

    def build() -> FastAPI:
        return replica_app(settings, names, *known)

    options = {"host": settings.host, "port": settings.port}
    ray_serve.start(http_options=options, proxy_location="HeadOnly")
    replica = ray_serve.deployment(ray_serve.ingress(build)())
    scaled = replica.options(
        name="replica",
        num_replicas=replicas,
        max_ongoing_requests=_REQUESTS,
        ray_actor_options={"num_cpus": 0},
    )
    ray_serve.run(scaled.bind(), name="zeroconv", route_prefix="/")
    return Scaled(f"http://{settings.host}:{settings.port}/", owners)


def _owner(name: str, settings: Settings, offer: Offer) -> Any:
    """The one actor of this name, started anew whenever it dies; calls that it did not answer are made again."""
    made = ray.remote(Owner).options(
        name=name,
        get_if_exists=True,
        max_restarts=-1,
        max_task_retries=-1,
        max_concurrency=_CALLS,
        num_cpus=0,
        num_gpus=1 if torch.device(offer.device).type == "cuda" else 0,
        scheduling_strategy="SPREAD",
    )
    return made.remote(name, settings, offer)


def replica_app(settings: Settings, names: tuple[str, ...], *known: Any) -> FastAPI:
    """The application of one replica, over the owners of these names; known: what `Owner.models` gives."""
    owners = [ray.get_actor(name, namespace=NAMESPACE) for name in names]
    models = cast(Models, ListedModels(*known))  # what the API asks of models, and no network
    return whole_app(settings, models, cast(Jobs, RemoteJobs(owners)))
