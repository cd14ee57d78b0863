"""numbacnn summary: sizes and costs of a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, Token

from .options import Network_, Out
from .runs import resolve_model
from .tables import Column

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.layers import Pixels

Volume = tuple[int, int, int]


def _volume(_: Any, tokens: tuple[Token, ...]) -> Volume:
    sizes = tokens[0].value.split("x")
    if len(sizes) != 3 or not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError(
            f"'{tokens[0].value}' is not a picture's size; write HEIGHTxWIDTHxCHANNELS, such as 32x32x3"
        )
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


InputShape = Annotated[
    Volume | None,
    Parameter(
        name="--input",
        converter=_volume,
        n_tokens=1,
        negative="",
        help="Size of the pictures: 32x32x3. Left out: what the network was made for.",
    ),
]
Classes = Annotated[
    int | None, Parameter(name="--classes", help="How many classes. Left out: what the network was made for.")
]


def find_network(
    name: str,
    input_shape: Volume | None,
    classes: int | None,
    *,
    pixels: Pixels | None = None,
    initialise: str | None = None,
) -> Network:
    """A network by its name or from a .toml file, or a trained one from a .h5 file or a run's folder.

    Raises UsageError where there is no such network, where it cannot be of the size that is asked for, or where a
    trained one is asked to be of another.
    """
    from numbacnn import architectures
    from numbacnn.errors import ShapeError, UsageError
    from numbacnn.storage.models import load_model

    if classes is not None and classes < 2:
        raise UsageError(f"--classes {classes}: at least 2 are expected, as a network tells classes apart")
    path = Path(name)
    if name in architectures.ARCHITECTURES or (path.suffix != ".h5" and not path.is_dir()):
        try:
            return architectures.build(
                name, input_shape=input_shape, classes=classes, pixels=pixels, initialise=initialise
            )
        except ShapeError as error:
            if input_shape is None:
                raise
            raise UsageError(
                f"--input {'x'.join(map(str, input_shape))} does not suit {name}: {error}"
            ) from None
    if input_shape or classes:
        raise UsageError(f"{name} is trained: its --input and --classes are what they are")
    file, _ = resolve_model(path, name)
    network, _ = load_model(file)
    return network


def summary(
    network: Network_,
    /,
    *,
    input_shape: InputShape = None,
    classes: Classes = None,
    batch_size: int = 1,
    out: Out,
) -> dict[str, Any]:
    """Print a network's sizes and costs, a row a layer.

    JSON: `layers[]` with `.name`, `.kind`, `.output` ([H, W, C] or [D]), `.formula`, `.neurons`, `.weights`, `.biases`,
    `.dense_weights` (if every neuron saw the whole input), `.multiply_adds`, `.activation_bytes`, all of one picture;
    and in all `inputs` (name -> what it is given), `weights`, `parameters` (with biases), `buffers` (not learned), `neurons`, `multiply_adds`, `activation_bytes`. `forward_bytes`
    and `training_bytes` are what a batch takes.

    Parameters
    ----------
    batch_size
        Pictures at a time, for the memory that a batch takes.
    """
    import dataclasses

    from numbacnn import Program, summarise
    from numbacnn.errors import need_whole

    need_whole("--batch-size", batch_size)
    found = find_network(network, input_shape, classes)
    result = summarise(found)
    sizes = {
        "forward_bytes": Program(found.graph, batch_size, keep=()).bytes,
        "training_bytes": Program(found.graph, batch_size, gradients="parameters", keep=()).bytes,
    }
    out.columns(_columns(result), gap=1)
    if not found.takes_pictures_alone:
        out.say(f"inputs: {found.takes}")
    example = "a picture" if found.takes_pictures_alone else "an example"
    pictures = example if batch_size == 1 else f"a batch of {batch_size}"
    buffers = f" and {result.buffers:,} running statistics" if result.buffers else ""
    out.say(
        f"{result.parameters:,} parameters ({result.weights:,} weights){buffers} take "
        f"{_bytes(4 * (result.parameters + result.buffers))}; "
        f"{pictures} takes {_bytes(sizes['forward_bytes'])} to run and {_bytes(sizes['training_bytes'])} to train"
    )
    return {"inputs": found.graph.inputs} | dataclasses.asdict(result) | sizes


def _columns(result: Any) -> list[Column]:
    """A row a layer and the totals; the most important columns stay where the terminal is narrow."""
    layers = result.layers

    def counts(header: str, values: list[str], total: str, importance: int) -> Column:
        return Column(header, values, total, numbers=True, importance=importance)

    def short(name: str) -> list[str]:
        return [_short(value) if (value := getattr(layer, name)) else "" for layer in layers]

    def full(name: str) -> list[str]:
        return [f"{value:,}" if (value := getattr(layer, name)) else "" for layer in layers]

    taken = [_bytes(layer.activation_bytes) if layer.activation_bytes else "" for layer in layers]
    shapes = ["x".join(map(str, layer.output)) for layer in layers]
    return [
        Column("layer", [layer.name for layer in layers], "total", folds=False),
        Column("output", shapes, folds=False, importance=1),
        Column("size of the output", [layer.formula for layer in layers], importance=4),
        counts("neurons", full("neurons"), f"{result.neurons:,}", 6),
        counts("weights", full("weights"), f"{result.weights:,}", 3),
        counts("with\nbiases", full("parameters"), f"{result.parameters:,}", 2),
        counts("if\ndense", short("dense_weights"), "", 7),
        counts("mult-\nadds", short("multiply_adds"), _short(result.multiply_adds), 5),
        counts("bytes", taken, _bytes(result.activation_bytes), 8),
    ]


def _short(count: float) -> str:
    """Returns a large number as the lecture writes it: 45.1 B, 614 K."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if count >= size:
            return f"{_three_digits(count / size)} {unit}"
    return str(int(count))


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{_three_digits(count / size)} {unit}"
    return f"{int(count)} B"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}"
