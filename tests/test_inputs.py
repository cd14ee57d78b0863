"""Inputs beside pictures: planes of a board, tokens of a text, alone and together."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.errors import DataError, NetworkError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import (
    Concatenate,
    Convolution,
    Dense,
    Embedding,
    Flatten,
    Pixels,
    Planes,
    Softmax,
    Tanh,
)
from numbacnn.program import Loss, Program

COUNT, CLASSES = 3, 4
LABELS = np.array([0, 3, 1])


@pytest.fixture
def graph() -> Graph:
    """A picture, a board and a text, each with layers of its own, joined before the scores."""
    made = Graph(
        [
            ("pixels", Pixels(mean=100.0, scale=1 / 64)),
            ("look", Convolution(3, 3)),
            ("seen", Flatten()),
            ("board", Planes((5, 5, 2))),
            ("move", Convolution(2, 3)),
            ("moved", Flatten()),
            ("text", Embedding(vocabulary=11, size=4, length=6)),
            ("read", Convolution(2, (1, 3))),
            ("bend", Tanh()),
            ("heard", Flatten()),
            ("all", Concatenate(), ("seen", "moved", "heard")),
            ("scores", Dense(CLASSES)),
            ("softmax", Softmax()),
        ],
        (6, 6, 1),
    )
    made.initialise(seed=1)
    return made.astype("float64")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 6, 6, 1), np.uint8)


@pytest.fixture
def others() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    return {
        "board": generator.standard_normal((COUNT, 5, 5, 2)),
        "text": np.array([[1, 1, 2, 10, 0, 1], [3, 3, 3, 3, 3, 3], [0, 4, 5, 6, 7, 8]]),
    }


def loss_of(program: Program, images, others) -> float:
    program.forward(images, others=others)
    return float(program.losses(LABELS, Loss()).sum())


def test_each_input_changes_the_answer_and_every_gradient_is_right(graph, images, others):
    program = Program(graph, COUNT, gradients="all")
    plain = Program(graph, COUNT)
    program.forward(images, others=others)
    program.backward_loss(LABELS, Loss(), reduction="sum")
    tables = {name: program.gradients[name]["weights"].copy() for name in ("text", "move", "look", "read")}
    d_board, step = program.gradient_given("board"), 1e-5
    for place in [(0, 0, 0, 0), (1, 2, 3, 1), (2, 4, 4, 0)]:
        found = []
        for sign in (step, -step):
            moved = {**others, "board": others["board"].copy()}
            moved["board"][place] += sign
            found.append(loss_of(plain, images, moved))
        assert (found[0] - found[1]) / (2 * step) == pytest.approx(d_board[place], rel=1e-6, abs=1e-9)
    for name, gradient in tables.items():
        values, place = (
            graph.read(f"{name}/weights").copy(),
            np.unravel_index(gradient.size // 3, gradient.shape),
        )
        found = []
        for sign in (step, -step):
            moved = values.copy()
            moved[place] += sign
            graph.write(f"{name}/weights", moved)
            found.append(loss_of(plain, images, others))
        graph.write(f"{name}/weights", values)
        assert (found[0] - found[1]) / (2 * step) == pytest.approx(gradient[place], rel=1e-6, abs=1e-9), name
    assert not tables["text"][9].any()  # no text has this token
    assert tables["text"][[0, 1, 3]].any()


def test_a_board_alone_needs_no_pictures(others):
    graph = Graph(
        [
            ("board", Planes((5, 5, 2))),
            ("flat", Flatten()),
            ("scores", Dense(CLASSES)),
            ("softmax", Softmax()),
        ]
    )
    graph.initialise(seed=2)
    program = Program(graph, COUNT, gradients="input")
    answers = program.forward(others={"board": others["board"]}).copy()
    assert answers.shape == (COUNT, CLASSES)
    assert program.backward_loss(LABELS, Loss()) is None
    assert program.gradient_given("board").any()
    assert program.forward(others={"board": others["board"][:1]}).tobytes() == answers[:1].tobytes()
    with pytest.raises(NetworkError, match="takes no pictures"):
        _ = graph.pixels
    with pytest.raises(UsageError, match="inputs pixels are given, and board are expected"):
        program.forward(np.zeros((1, 5, 5, 2), np.uint8))


def test_what_is_given_is_checked_by_name_shape_and_kind(graph, images, others):
    program = Program(graph, COUNT)
    with pytest.raises(UsageError, match="inputs pixels are given, and pixels, board, text are expected"):
        program.forward(images)
    with pytest.raises(UsageError, match="board, text, words are given"):
        program.forward(images, others={**others, "words": others["text"]})
    with pytest.raises(DataError, match="tokens from 0 to 11: whole numbers from 0 to 10"):
        program.forward(images, others={**others, "text": np.array([[0, 1, 2, 3, 4, 11]] * COUNT)})
    with pytest.raises(
        ShapeError, match=r"'board' is given float64 \(2, 5, 5, 2\): numbers of the shape \(3, 5, 5, 2\)"
    ):
        program.forward(images, others={**others, "board": others["board"][:2]})
    with pytest.raises(ShapeError, match="'text' is given float64"):
        program.forward(images, others={**others, "text": others["text"] * 1.0})
    with pytest.raises(UsageError, match="'look' is no input beside pictures; there are: board, text"):
        program.given("look")
    with pytest.raises(UsageError, match="no gradient of 'text'"):
        Program(graph, COUNT, gradients="input").gradient_given("text")
    with pytest.raises(NetworkError, match="planes is an input and reads no layer"):
        Graph([("pixels", Pixels()), ("board", Planes((5, 5, 2)), ("pixels",))], (6, 6, 1))
    with pytest.raises(
        ShapeError, match=r"shape = \[5, 5\] of planes: \[height, width, planes\] is expected"
    ):
        Planes((5, 5))
    with pytest.raises(ShapeError, match="no size is given"):
        Graph([("conv", Convolution(2, 3))])
