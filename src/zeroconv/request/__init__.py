"""What one asks for, as plain data, and its record on the disk."""

from zeroconv.request.control import ControlRequest
from zeroconv.request.lora import Lora
from zeroconv.request.request import Request

__all__ = ["ControlRequest", "Lora", "Request"]
