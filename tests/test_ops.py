"""Every kernel against its naive reference, on odd shapes, in both precisions and with any number of threads."""

from __future__ import annotations

import importlib
import pkgutil

import naive
import numba
import numpy as np
import pytest
from comparisons import COMPARISONS
from comparisons.convolution import CONVOLUTION_LAYERS, CONVOLUTIONS

from numbacnn import ops
from numbacnn.ops import activations, dropout, losses, pooling, softmax
from numbacnn.ops.kernel import Kernel
from numbacnn.ops.philox import philox

for module in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
    if ".cuda" not in module.name:
        importlib.import_module(module.name)


def cases():
    """Every kernel on every shape in both precisions. In float64, which gradient checks alone compute in, they are slow, as each is
    compiled anew for it; of those, test_gradients.py runs all that a gradient depends on.
    """
    for kernel, row in COMPARISONS.items():
        for shape in row.shapes:
            for dtype in (np.float32, np.float64):
                yield pytest.param(
                    kernel,
                    shape,
                    dtype,
                    id=f"{kernel}-{shape}-{dtype.__name__}",
                    marks=pytest.mark.slow if dtype is np.float64 else (),
                )


def as_float64(argument):
    floats = isinstance(argument, np.ndarray) and argument.dtype.kind == "f"
    return argument.astype(np.float64) if floats else argument


def run(kernel, arguments, threads):
    """What the kernel writes into copies of its outputs."""
    outputs = COMPARISONS[kernel].outputs
    written = [output.copy() for output in arguments[:outputs]]
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        # Not the Kernel itself: it would take one thread for shapes as small as these.
        Kernel.registry[kernel].variants["cpu"](*written, *arguments[outputs:])
    finally:
        numba.set_num_threads(before)
    return written


def test_every_kernel_has_a_row():
    assert set(Kernel.registry) == set(COMPARISONS)


@pytest.mark.parametrize(("kernel", "shape", "dtype"), list(cases()))
def test_kernel_agrees_with_the_naive_reference(kernel, shape, dtype):
    row = COMPARISONS[kernel]
    arguments = row.make(np.random.default_rng(7), dtype, row.shapes[shape])
    expected = row.naive(*map(as_float64, arguments))
    alone = run(kernel, arguments, 1)
    assert len(expected) == row.outputs
    for actual, wanted in zip(alone, expected, strict=True):
        if wanted.dtype.kind == "f":
            rounding = 200 * np.finfo(dtype).eps
            np.testing.assert_allclose(
                actual, wanted, rtol=rounding, atol=rounding * max(1, abs(wanted).max())
            )
        else:
            np.testing.assert_array_equal(actual, wanted)
    together = run(kernel, arguments, numba.config.NUMBA_NUM_THREADS)
    for one, all_threads in zip(alone, together, strict=True):
        assert one.tobytes() == all_threads.tobytes()


# What the table cannot say: numbers that are not, large ones, kinks, chance

FORWARD_OF_EVERYTHING = [
    ("convolution.forward", "not square"),
    ("convolution.forward_pooled", "several channels, few filters"),
    ("dense.forward", "ragged"),
    ("pooling.max_forward", "overlapping"),
    ("pooling.sum_forward", "overlapping"),
    ("activations.leaky_relu_forward", "seven"),
    ("activations.prelu_forward", "seven"),
    ("activations.elu_forward", "seven"),
    ("activations.sigmoid_forward", "seven"),
    ("activations.tanh_forward", "seven"),
    ("activations.clip_forward", "seven"),
    ("gates.forward", "seven"),
    ("gates.normal_forward", "seven"),
    ("softmax.forward", "three"),
    *((kernel.name, "three") for kernel in losses.LOSSES.values()),
    ("targets.smoothed", "two classes"),
    ("targets.distribution", "two classes"),
    ("targets.pixels", "one"),
    ("targets.binary", "one"),
    ("targets.huber", "bent"),
    ("joins.accumulate", "seven"),
    ("joins.add", "seven"),
    ("joins.multiply", "shared by all pixels"),
    ("upsampling.forward", "not square, nearest"),
    ("upsampling.forward", "not square, bilinear"),
    ("response.forward", "ragged"),
    ("joins.copy_channels", "one of three"),
    ("pixels.forward", "colour"),
]


@pytest.mark.parametrize(("kernel", "shape"), FORWARD_OF_EVERYTHING)
def test_nan_is_passed_on(kernel, shape):
    row = COMPARISONS[kernel]
    arguments = row.make(np.random.default_rng(7), np.float32, row.shapes[shape])
    finite = run(kernel, arguments, 1)[0]
    assert np.isfinite(finite).all()
    x = next(argument for argument in arguments[row.outputs :] if isinstance(argument, np.ndarray))
    for place in range(x.size):
        value, x.flat[place] = x.flat[place], np.nan
        assert np.isnan(run(kernel, arguments, 1)[0]).any(), place
        x.flat[place] = value


def test_nan_of_an_input_reaches_the_slopes_gradient():
    d_slopes, d_y = np.zeros(2, np.float32), np.ones((3, 2), np.float32)
    x = np.array([[-1, 2], [np.nan, 3], [-2, 4]], np.float32)
    activations.prelu_backward_slopes(d_slopes, d_y, x)
    np.testing.assert_array_equal(d_slopes, [np.nan, 0])


@pytest.mark.parametrize("first", [0, 1])
def test_softmax_of_a_class_that_cannot_be(first):
    x = np.roll(np.array([[-np.inf, 0, 0]], np.float32), first, axis=1)
    y = np.full(x.shape, np.nan, np.float32)
    softmax.forward(y, x)
    np.testing.assert_array_equal(y, np.roll([[0, 0.5, 0.5]], first, axis=1))


@pytest.mark.parametrize("margin", [1.0])
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_losses_are_stable(loss, margin):
    x = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], np.float32)
    labels = np.array([0, 0, 1, 2])
    values, gradients = np.full(4, np.nan, np.float32), np.full(x.shape, np.nan, np.float32)
    losses.LOSSES[loss](values, gradients, x, labels, margin, 1.0)
    expected = {
        "square": [((9999**2) + 1e8) / 2, (10001**2 + 1e8) / 2, (9999**2 + 2e8) / 2, (10001**2 + 2e8) / 2],
        "log": [np.log(2), 2e4 + np.log(2), 2e4, 1e4],
        "hinge": [1, 20003, 20002, 10001],
        "log-softmax": [0, 2e4, np.log(3), np.log(3)],
        "max-margin": [0, 20001, 1, 1],
    }[loss]
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert np.isfinite(gradients).all()
    if loss == "log-softmax":
        third = [1 / 3] * 3
        np.testing.assert_allclose(
            gradients,
            np.array([[0, 0, 0], [-1, 1, 0], third, third]) - np.eye(3)[[2, 2, 1, 2]] * [[0], [0], [1], [1]],
            atol=1e-6,
        )


def test_softmax_and_sigmoid_are_stable():
    x = np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4]], np.float32)
    y = np.full_like(x, np.nan)
    softmax.forward(y, x)
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)
    flat = np.full(3, np.nan, np.float32)
    activations.sigmoid_forward(flat, x[0])
    assert flat.tolist() == [1, 0.5, 0]


def test_subgradients_at_the_kinks():
    def derivative(backward, at, *constants):
        x = np.array([at], np.float32)
        d_x = np.full_like(x, np.nan)
        backward(d_x, np.ones_like(x), x, *constants)
        return d_x[0]

    assert derivative(activations.leaky_relu_backward, 0, 0.0, activations.STANDARD) == 0
    assert derivative(activations.leaky_relu_backward, -0.0, 0.0, activations.STANDARD) == 0
    assert derivative(activations.leaky_relu_backward, 0, 0.01, activations.STANDARD) == pytest.approx(0.01)
    assert derivative(activations.clip_backward, 1, -1.0, 1.0, activations.STANDARD) == 0
    assert derivative(activations.clip_backward, -1, -1.0, 1.0, activations.STANDARD) == 0


@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("count", [1, 17, 70_003])
def test_a_rectifier_in_place_gives_what_it_gives_apart(count, slope):
    random = np.random.default_rng(count)
    x, d_y = random.standard_normal((2, count)).astype(np.float32)
    x[::7], d_y[::5], x[::11] = 0, np.inf, np.nan
    y, d_x = np.empty_like(x), np.empty_like(x)
    activations.leaky_relu_forward(y, x, slope)
    activations.leaky_relu_backward(d_x, d_y, x, slope, activations.STANDARD)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(y, np.where(x > 0, x, np.float32(slope) * x))
        np.testing.assert_array_equal(
            d_x, np.where(x > 0, d_y, (slope * d_y.astype(np.float64)).astype(np.float32))
        )
    activations.leaky_relu_backward(d_y, d_y, x, slope, activations.STANDARD)
    activations.leaky_relu_forward(x, x, slope)
    assert x.tobytes() == y.tobytes()
    assert d_y.tobytes() == d_x.tobytes()


def test_the_lectures_example_of_max_pooling():
    x = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], np.float32).reshape(1, 4, 4, 1)
    y, switches = np.zeros((1, 2, 2, 1), np.float32), np.zeros((1, 2, 2, 1), np.uint16)
    pooling.max_forward(y, switches, x, 1.0, (2, 2), (2, 2), (0, 0, 0, 0))
    assert y.ravel().tolist() == [6, 8, 3, 4]
    assert switches.ravel().tolist() == [3, 3, 0, 3]


def test_equal_maxima_go_to_the_first():
    y, switches = np.zeros((1, 1, 1, 2), np.float32), np.full((1, 1, 1, 2), 9, np.uint16)
    ones = np.ones((1, 3, 3, 2), np.float32)
    pooling.max_forward(y, switches, ones, 1.0, (3, 3), (3, 3), (0, 0, 0, 0))
    assert switches.ravel().tolist() == [0, 0]


@pytest.mark.parametrize("shape", [*CONVOLUTIONS.values(), *CONVOLUTION_LAYERS.values()], ids=str)
def test_a_convolutions_workspace_serves_every_smaller_batch(shape):
    layer, volume = shape.layer, shape.volume[1:]
    sizes = [
        layer.prepare(count, layer.output_shape(volume), volume).workspace for count in (*range(1, 20), 64)
    ]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("which", ["forward", "backward_input", "backward_weights"])
@pytest.mark.parametrize("shape", ["2 groups", "several tiles in a picture", "several tiles, stride 2"])
def test_more_workspace_changes_nothing(which, shape):
    kernel = f"convolution.{which}"
    arguments = COMPARISONS[kernel].make(np.random.default_rng(7), np.float32, CONVOLUTIONS[shape])
    least = run(kernel, arguments, 2)[0]
    arguments[-1] = np.full(3 * arguments[-1].size + 1000, np.nan, np.float32)
    assert (run(kernel, arguments, 2)[0] == least).all()


KNOWN_ANSWERS = [
    ((0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((2**64 - 1, 2**64 - 1, 2**64 - 1), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ((0x85A308D3243F6A88, 0x0370734413198A2E, 0x299F31D0A4093822), "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize(("counter", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(counter, words):
    """From the test vectors of Random123 (Salmon et al., 2011); the last is made of the digits of pi."""
    assert [f"{word:08x}" for word in naive.philox(*counter)] == words.split()
    assert [f"{word:08x}" for word in philox(*map(np.uint64, counter))] == words.split()


@pytest.mark.parametrize("probability", [0.2, 0.5])
def test_inverted_dropout_has_the_expectation_of_the_lectures_halving(probability):
    """The lecture drops in training and multiplies by 1 - p at test time; here training divides by it."""
    size, steps = 4000, 50
    x, y = np.linspace(-1, 3, size).astype(np.float32), np.zeros(size, np.float32)
    mask, total, kept = np.zeros(size, bool), np.zeros(size), np.zeros(size)
    for step in range(steps):
        dropout.forward(y, mask, x, np.array([11, step], np.uint64), 0, probability)
        total += y
        kept += x * mask
    at_test_time = (1 - probability) * x
    deviation = np.sqrt(probability * (1 - probability) * steps * (x.astype(float) ** 2).sum())
    assert abs(kept.sum() - steps * at_test_time.sum()) < 4 * deviation  # the lecture's form
    assert abs(total.sum() - steps * x.sum()) < 4 * deviation / (1 - probability)  # and the inverted one
    np.testing.assert_allclose(total, kept / (1 - probability), rtol=1e-4, atol=1e-4)


def test_dropout_masks_are_independent_and_reproducible():
    def mask(key, number, index=0):
        drawn = np.zeros(4001, bool)
        dropout.forward(
            np.zeros(4001, np.float32),
            drawn,
            np.ones(4001, np.float32),
            np.array([key, number], np.uint64),
            index,
            0.5,
        )
        return drawn

    first = mask(1, 1)
    assert (first == mask(1, 1)).all()
    for other in (mask(1, 2), mask(2, 1), mask(1, 1 << 32), mask(1, 1, 1)):
        assert 0.45 < (first == other).mean() < 0.55
