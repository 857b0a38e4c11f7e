"""The addresses by which existing clients speak to the popular web UI: schemas, translation to our request, answers."""

from zeroconv.serve.webui.router import router

__all__ = ["router"]
