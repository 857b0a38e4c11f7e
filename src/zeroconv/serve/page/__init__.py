"""The web page: Gradio's forms, boards of our own to draw on, all over the same jobs as the service."""

from zeroconv.serve.page.mount import mount

__all__ = ["mount"]
