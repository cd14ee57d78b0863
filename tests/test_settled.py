"""What follows from the weights alone is computed once, and anew after every way of changing them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import BatchNorm, Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.loans import Loans
from numbacnn.ops import dense
from numbacnn.program import Loss, Program
from numbacnn.training.averaging import Average
from numbacnn.training.optimizers import SGD

NODES = [
    ("pixels", Pixels(mean=100.0, scale=1 / 64)),
    ("conv1", Convolution(16, 3, padding=1, bias=False)),
    ("bn1", BatchNorm()),
    ("relu1", ReLU()),
    ("conv2", Convolution(32, 3, padding=1)),  # by Winograd's way
    ("bn2", BatchNorm()),
    ("conv3", Convolution(8, 1)),
    ("flatten", Flatten()),
    ("dense", Dense(4)),
    ("softmax", Softmax()),
]
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)


@pytest.fixture
def graph() -> Graph:
    made = Graph(NODES, (8, 8, 3))
    made.initialise(seed=1)
    return made


def answer(graph: Graph) -> np.ndarray:
    """What a program says that has computed nothing before."""
    return np.array(Program(graph, 3, keep=()).forward(IMAGES))


def counted(program: Program) -> list[int]:
    """A list that grows by one whenever the program's one kind of pass settles what is settled."""
    (known,) = program._passes.values()
    times, settle = [], known._settle
    known._settle = lambda: (times.append(1), settle())
    return times


def learn(graph: Graph, updates: bool = True) -> None:
    program, optimizer = Program(graph, 3, gradients="parameters", keep=()), SGD(graph)
    program.forward(IMAGES, until=program.scores, training=True)
    program.backward_loss(np.array([0, 1, 2]), Loss())
    if updates:
        optimizer.step(program.gradient, 0.1)


def averaged(graph: Graph) -> None:
    average = Average(graph, 0.5)
    learn(graph)
    average.follow()
    average.in_place().__enter__()


def through_memory(graph: Graph) -> None:
    memory = memoryview(graph.parameters["conv2/weights"].value.reshape(-1)[5:])
    memory[0] = 3.0


def of_another_size(graph: Graph) -> None:
    graph.at(9, 9).parameters["conv1/weights"].value[...] *= 1.5


CHANGES = {
    "write": lambda graph: graph.write("conv2/weights", 1.5 * graph.read("conv2/weights")),
    "a parameter in place": lambda graph: graph.parameters["conv3/weights"].value.__imul__(2),
    "a part of the row": lambda graph: graph.row[: graph.layout.size // 2].fill(0.01),
    "what was read": lambda graph: graph.read("conv1/weights").fill(0.02),
    "a buffer in place": lambda graph: graph.buffers["bn2/running_variance"].value.__imul__(3),
    "a layer's own": lambda graph: graph["conv2"].layer.parameters["weights"].fill(0.1),
    "memory": through_memory,
    "initialise": lambda graph: graph.initialise(seed=5),
    "restore": lambda graph: graph.restore({"conv2/weights": np.full((3, 3, 16, 32), 0.03)}),
    "an update": learn,
    "a pass of training": lambda graph: learn(graph, updates=False),
    "an average": averaged,
    "a graph of another size": of_another_size,
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_by_the_next_pass(graph, change):
    program = Program(graph, 3, keep=())
    before = np.array(program.forward(IMAGES))
    assert (program.forward(IMAGES) == before).all()
    CHANGES[change](graph)
    after = np.array(program.forward(IMAGES))
    assert not (after == before).all()
    assert (after == answer(graph)).all()
    assert (program.forward(IMAGES) == after).all()


@pytest.mark.parametrize("of", ["parameters", "buffers", "row"])
def test_who_keeps_an_array_may_change_it_whenever_he_likes(graph, of):
    program = Program(graph, 3, keep=())
    program.forward(IMAGES)
    held = {
        "parameters": lambda: graph.parameters["conv2/weights"].value[1:].reshape(-1),
        "buffers": lambda: graph.buffers["bn1/running_mean"].value[2:],
        "row": lambda: graph.row,
    }[of]()
    for factor in (1.5, 0.5):
        before = np.array(program.forward(IMAGES))
        held[...] = held * factor + 0.1
        after = np.array(program.forward(IMAGES))
        assert not (after == before).all()
        assert (after == answer(graph)).all()


def test_nothing_is_computed_again_while_nothing_changes(graph):
    program = Program(graph, 3, keep=())
    program.forward(IMAGES)
    times = counted(program)
    for _ in range(3):
        program.forward(IMAGES)
    assert not times
    held = graph.row  # whoever has it may write at any time
    program.forward(IMAGES)
    program.forward(IMAGES)
    assert len(times) == 2
    del held
    program.forward(IMAGES)
    program.forward(IMAGES)
    assert len(times) == 3


def test_gradients_of_pixels_are_of_the_new_weights(graph):
    program, signal = Program(graph, 3, gradients="input", keep=()), np.eye(4, dtype=np.float32)[:3]

    def gradient(plan: Program) -> np.ndarray:
        plan.forward(IMAGES)
        return np.array(plan.backward("softmax", signal))

    first = gradient(program)
    assert (gradient(program) == first).all()
    graph.write("conv2/weights", 1.5 * graph.read("conv2/weights"))
    second = gradient(program)
    assert not (second == first).all()
    assert (second == gradient(Program(graph, 3, gradients="input", keep=()))).all()


def test_passes_of_training_between_predictions_leave_these_as_they_are_without_normalisation():
    graph = Graph([line for line in NODES if not line[0].startswith("bn")], (8, 8, 3))
    graph.initialise(seed=1)
    program = Program(graph, 3, keep=())
    first = np.array(program.forward(IMAGES))
    program.forward(IMAGES, training=True)
    assert (program.forward(IMAGES) == first).all()


def test_a_copy_is_in_nobodys_hands(graph):
    held = graph.row
    assert graph.loans.state is None
    for other in (copy.deepcopy(graph.loans), pickle.loads(pickle.dumps(graph.loans))):
        assert isinstance(other, Loans)
        assert other.state is not None
    del held
    assert graph.loans.state is not None


@pytest.mark.parametrize("gradients", ["none", "input"])
@pytest.mark.parametrize("keep", [(), None])
def test_what_is_settled_leaves_alone_what_is_there_before_a_pass(graph, keep, gradients):
    """Inputs, labels and what randomness is drawn from are written first, and then filters may be made."""
    compiled = Program(graph, 3, gradients=gradients, keep=keep)._compiled

    def bytes_of(chosen) -> set[int]:
        found = set()
        for key, block in compiled.blocks.items():
            if chosen(key):
                found |= set(range(compiled.offsets[key], compiled.offsets[key] + block.size))
        return found

    before = bytes_of(lambda key: key[0] == "")
    assert before
    assert compiled.settled
    assert not before & bytes_of(lambda key: key in compiled.settled)


@pytest.mark.parametrize("most", [2, 130])
def test_fewer_pictures_than_a_program_is_for_read_the_same_packed_weights(graph, most):
    images = np.random.default_rng(1).integers(0, 256, (most, 8, 8, 3), np.uint8)
    program, alone = Program(graph, most, keep=()), Program(graph, 1, keep=())
    assert any(step.kernel is dense.forward_packed for step in program._forward_steps("softmax"))
    expected = np.concatenate([alone.forward(image[None]).copy() for image in images])
    for count in (most, most - 1, 1):
        np.testing.assert_array_equal(program.forward(images[:count]), expected[:count])
