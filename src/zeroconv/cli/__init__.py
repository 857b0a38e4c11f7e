"""The command line: thin, from flags to requests and configurations, and from errors to one sentence."""

from zeroconv.cli.entry import main

__all__ = ["main"]
