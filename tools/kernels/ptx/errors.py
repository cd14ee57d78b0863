"""What can be wrong with PTX, and with what it does."""

from __future__ import annotations


class UnknownError(Exception):
    """PTX that is not understood; nothing is guessed."""


class FaultError(Exception):
    """What a program must not do; the message begins with the instruction."""
