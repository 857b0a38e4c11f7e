"""The HTTP API: `/v1/...`, what guards it, and the application that holds it."""

from zeroconv.serve.api.app import make_app

__all__ = ["make_app"]
