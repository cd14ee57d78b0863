"""What messages do with what they are given."""

from __future__ import annotations

import time

from numbacnn.errors import MAX_MESSAGE, NetworkError, cut, nearest


def test_a_long_text_loses_its_middle() -> None:
    assert cut("a" * 80) == "a" * 80
    assert cut("a" * 500 + "b" * 500, 8) == "aaaaaa…bb (1,000 characters)"
    assert len(str(NetworkError("x" * 10_000_000))) < MAX_MESSAGE + 100


def test_a_name_of_any_length_is_compared_with_names_of_any_length() -> None:
    begun = time.process_time()
    message = nearest("a" * 1_000_000, ["b" * 1_000_000, "conv"])
    assert time.process_time() - begun < 1
    assert len(message) < 200
    assert nearest("cnov", ["b" * 1_000_000, "conv"]) == "; did you mean 'conv'?"
    assert nearest("x", [str(number) for number in range(1000)]).endswith(" and 970 more")


def test_what_a_file_names_is_no_code_for_the_terminal() -> None:
    assert str(NetworkError("named \x1b[31mred\x07\x9b")) == r"named \x1b[31mred\x07\x9b"
    assert str(NetworkError("two\nlines")) == "two\nlines"
    assert cut("two\nlines") == r"two\nlines"
    assert cut("é 猫") == "é 猫"


def test_a_word_of_any_length_is_cut_in_any_message() -> None:
    assert str(NetworkError(f"unknown '{'x' * 100_000}'; known: a")).endswith(
        " (100,003 characters) known: a"
    )
