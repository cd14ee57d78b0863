"""How SIGTERM ends a command: as an exception, so that work can be saved on the way out."""

from __future__ import annotations

from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM; whatever saves its work when the user interrupts it does so when the system does."""


def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
