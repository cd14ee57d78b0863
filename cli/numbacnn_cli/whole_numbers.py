"""Options that take whole numbers: a fraction is refused, where cyclopts would round it without a word."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from cyclopts.exceptions import CoercionError

from numbacnn.errors import cut


def only_whole(app: Any, commands: Any, arguments: Any) -> None:
    """Looks at what was given, on the command line or in --config (a `config` of cyclopts).

    Raises CoercionError for a number with a fraction where a whole one is expected. What is no number at all is left
    to cyclopts.
    """
    for argument in arguments:
        if argument.parameter.converter is None and _takes_whole(argument.hint):
            for token in argument.tokens:
                if "." in token.value and not _is_whole(token.value):
                    place = "" if token.source == "cli" else f" in {token.source}"
                    raise CoercionError(
                        msg=f"'{cut(token.value)}'{place} is no whole number; a whole number is expected",
                        token=token,
                        argument=argument,
                        target_type=int,
                    )


def _takes_whole(hint: Any) -> bool:
    """Whether a type is `int`, `int | None`, or a collection of such."""
    if get_origin(hint) in (Union, types.UnionType, tuple, list):
        return any(_takes_whole(part) for part in get_args(hint))
    return hint is int


def _is_whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except ValueError:
        return True  # whatever it is, cyclopts refuses it by name
