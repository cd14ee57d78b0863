"""Protocol buffers as text, in which people write networks (.prototxt): fields by name, without a table of them.

name: "LeNet"
layer { name: "conv1" type: "Convolution" bottom: "data" convolution_param { num_output: 20 kernel_size: 5 } }
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelError, cut
from .messages import Message

_LARGEST = 16 << 20
"""The most bytes of a text: a network of thousands of layers has less than one of these millions."""
_DEEPEST = 40

_TOKEN = re.compile(
    r"""(?P<space>[\s]+|\#[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<word>[A-Za-z0-9_.+-]+)"""
    r"""|(?P<sign>[{}<>\[\]:,;])"""
)


class _Token(NamedTuple):
    kind: str
    value: str
    line: int


def read_prototext(path: Path) -> Message:
    """Reads a .prototxt. Raises ModelError with file and line."""
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise ModelError(f"{path}: {size:,} bytes; a description of a network has at most {_LARGEST:,}")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path}: byte {error.start} is no text; a description in words (.prototxt) is expected"
        ) from None
    return _Parser(text, str(path)).parse()


class _Parser:
    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._tokens = self._split(text)
        self._place = 0

    def parse(self) -> Message:
        message = self._fields("", 0, 1)
        if not message.fields:
            raise ModelError(f"{self._where}: there is no field in it")
        return message

    def _split(self, text: str) -> list[_Token]:
        tokens, place, line = [], 0, 1
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise self._error(
                    line, f"{cut(text[place : place + 20].splitlines()[0])!r} is no name, number or text"
                )
            if found.lastgroup != "space":
                tokens.append(_Token(str(found.lastgroup), found[0], line))
            line += found[0].count("\n")
            place = found.end()
        return tokens

    def _fields(self, end: str, depth: int, first: int) -> Message:
        if depth > _DEEPEST:
            raise self._error(first, f"braces in braces more than {_DEEPEST} deep")
        fields: dict[str, list[Any]] = {}
        while True:
            token = self._next()
            if token is None:
                if end:
                    raise self._error(first, f"'{end}' is missing: what is opened in this line is not closed")
                break
            if token.value == end:
                break
            if token.value in (",", ";"):
                continue
            if token.kind != "word":
                raise self._error(token.line, f"{cut(token.value)!r} stands where a field's name is expected")
            fields.setdefault(token.value, []).extend(self._values(token, depth))
        return Message(fields, f"{self._where}:{first}")

    def _values(self, name: _Token, depth: int) -> list[Any]:
        token = self._next()
        colon = token is not None and token.value == ":"
        if colon:
            token = self._next()
        if token is None:
            raise self._error(name.line, f"{cut(name.value)} has no value")
        if token.value in ("{", "<"):
            return [self._fields("}" if token.value == "{" else ">", depth + 1, name.line)]
        if not colon:
            raise self._error(name.line, f"':' or '{{' is expected after {cut(name.value)}")
        if token.value == "[":
            values: list[Any] = []
            while (token := self._next()) is not None and token.value != "]":
                if token.value in ("{", "<"):
                    values.append(self._fields("}" if token.value == "{" else ">", depth + 1, token.line))
                elif token.value != ",":
                    values.append(self._scalar(name, token))
            return values
        return [self._scalar(name, token)]

    def _scalar(self, name: _Token, token: _Token) -> str:
        if token.kind == "word":
            return token.value
        if token.kind != "text":
            raise self._error(
                token.line, f"{cut(name.value)} has no value: {cut(token.value)!r} is no number or text"
            )
        value = _unquoted(token.value)
        while self._place < len(self._tokens) and self._tokens[self._place].kind == "text":
            value += _unquoted(self._tokens[self._place].value)
            self._place += 1
        return value

    def _next(self) -> _Token | None:
        if self._place == len(self._tokens):
            return None
        self._place += 1
        return self._tokens[self._place - 1]

    def _error(self, line: int, message: str) -> ModelError:
        return ModelError(f"{self._where}:{line}: {message}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
