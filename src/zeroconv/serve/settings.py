"""How a server is set up, and what it grants at most: every limit with its default and its sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that this machine alone can reach."""


@dataclass(frozen=True)
class Limits:
    """What one server grants; whatever exceeds it is refused in one sentence before anything runs."""

    pixels: int = 1024 * 1024
    """Pixels of a picture that is made, width times height."""
    steps: int = 150
    """Denoising steps of a request."""
    pictures: int = 64
    """Pictures of a request."""
    controls: int = 4
    """Controls of a request."""
    loras: int = 4
    """LoRAs of a request."""
    characters: int = 4000
    """Characters of a prompt, and of a negative prompt."""
    batch: int = 16
    """Pictures sampled together, where they cover no more than a megapixel."""
    queue: int = 64
    """Jobs that wait, of all clients; above it the answer is 429 with the time to come again."""
    queue_per_client: int = 16
    """Jobs that wait, of one client."""
    job_seconds: float = 900.0
    """Seconds that one job may be computed."""
    body_bytes: int = 64_000_000
    """Bytes of a request."""
    upload_pixels: int = 25_000_000
    """Pixels of a picture that is sent, read from its header before it is unpacked."""
    read_seconds: float = 30.0
    """Seconds in which a request must have arrived whole."""
    connections: int = 128
    """Connections at once."""
    kept_jobs: int = 2000
    """Finished jobs that are kept with their pictures; the oldest go first."""


@dataclass(frozen=True)
class Settings:
    """One server."""

    data: Path
    """The folder of its jobs: queue, pictures, history."""
    host: str = "127.0.0.1"
    """The address it listens at."""
    port: int = 7860
    """0 takes one that is free."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Token -> the name of the client who has it; empty: none is asked for."""
    hosts: tuple[str, ...] = ()
    """Names by which the server is called from elsewhere; empty: loopback's alone, or with a token any."""
    limits: Limits = field(default_factory=Limits)
    runs: Path | None = None
    """The folder below which training runs lie that the page watches; None: it watches none."""

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        return self.host in LOOPBACK
