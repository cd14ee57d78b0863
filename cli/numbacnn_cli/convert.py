"""numbacnn convert: networks of other programs, with their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .destination import MODEL, Destination
from .options import INPUTS, Force, Out
from .summary import InputShape

if TYPE_CHECKING:
    from numbacnn.formats import Converted
    from numbacnn.layers import Pixels

Source = Annotated[
    Path,
    Parameter(
        name="IN",
        help="Weights: .caffemodel, .pth, .pt, .th, .safetensors, .keras, .h5 (Keras's), .onnx; or a model of numbacnn's, .h5.",
    ),
]
Target = Annotated[
    Path,
    Parameter(name="OUT", help="What to write: .h5, for --model of other commands; .onnx; .safetensors."),
]


def convert(
    source: Source,
    target: Target,
    /,
    *,
    prototxt: Annotated[Path | None, Parameter(group=INPUTS)] = None,
    classes: Annotated[Path | None, Parameter(name="--classes", group=INPUTS)] = None,
    mean: Annotated[str | None, Parameter(group=INPUTS)] = None,
    scale: Annotated[str | None, Parameter(group=INPUTS)] = None,
    order: Annotated[Literal["rgb", "bgr"] | None, Parameter(group=INPUTS)] = None,
    resize: Annotated[int | None, Parameter(group=INPUTS)] = None,
    input_shape: InputShape = None,
    network: Annotated[str | None, Parameter(name="--network", group=INPUTS)] = None,
    file_format: Annotated[str | None, Parameter(name="--format", group=INPUTS)] = None,
    force: Force = False,
    out: Out,
) -> dict[str, Any]:
    """Make a model of a network that another program trained, or write one for other programs.

    Nothing in a file is run. Its preprocessing comes along, and the names of its classes: what the file does not say has to be said here.

    JSON: `model`, `network` (its name), `parameters`, `classes` (how many), `class_names`, `preprocessing` (`.input`,
    `.mean`, `.scale`, `.channel_order`, `.shorter_side`), `warnings`.

    Parameters
    ----------
    prototxt
        Text with the layers of Caffe's weights; left out, one that lies beside them, else what the weights' file says.
    classes
        Text with the name of one class a line, or JSON; left out, the file's own, or a synset_words.txt beside it.
    mean
        What is subtracted from pixels, from 0 to 255: one number or one a channel (104,117,123), in the order of
        --order; a mean image (.binaryproto, .npy); or 'imagenet', the mean and deviation of most of PyTorch's networks.
    scale
        What pixels are then multiplied by, one number or one a channel: 1/256.
    order
        The order of colours that the network takes; left out, bgr for Caffe's networks and rgb for others.
    resize
        Shorter side that a photograph is scaled to before the network's input is cut out of its middle; left out, it is
        scaled just enough to fill the input, or as the file says.
    network
        Which network PyTorch's tensors or Keras's weights are of, where the file does not tell: a name ('numbacnn networks' lists them) or a
        .toml file.
    file_format
        What IN is, where its suffix does not tell: caffe, keras, onnx, pytorch or safetensors.
    """
    from numbacnn.formats import SUFFIXES, Asked, read_network, write_network
    from numbacnn.storage.models import save_model

    ours = target.suffix.lower() not in SUFFIXES
    target = Destination(out, reads=[source, prototxt, classes], force=force).named(target, MODEL)
    converted = read_network(
        source,
        Asked(prototxt=prototxt, input_shape=input_shape, network=network),
        _preparation(mean, scale, order, resize),
        classes=classes,
        format_name=file_format,
        needs_preparation=ours,
    )
    if ours:
        record = {"converted_from": source.name, "network": converted.name}
        save_model(target, converted.network, record=record)
    else:
        write_network(target, converted.network, converted.name)
    return report(converted, target, out)


def report(converted: Converted, target: Path, out: Out) -> dict[str, Any]:
    """Shows the network that was converted, and returns it for JSON."""
    made, pixels = converted.network, converted.network.graph.pixels
    for warning in converted.warnings:
        out.warn(warning)
    parameters = sum(each.size for each in made.graph.parameters.values())
    size = "x".join(map(str, made.input_shape))
    out.say(f"{converted.name}: pictures of {size}, {made.classes} classes, {parameters:,} parameters")
    out.say(f"pixels: {_in_words(pixels)}")
    out.say(str(target))
    return {
        "model": target,
        "network": converted.name,
        "parameters": parameters,
        "classes": made.classes,
        "class_names": made.class_names,
        "preprocessing": {
            "input": made.input_shape,
            "mean": "image" if "mean_image" in pixels.constants else pixels.mean,
            "scale": pixels.scale,
            "channel_order": pixels.channel_order,
            "shorter_side": pixels.shorter_side,
        },
        "warnings": converted.warnings,
    }


def _preparation(mean: str | None, scale: str | None, order: str | None, resize: int | None) -> Any:
    """Returns the preprocessing that the options give. Raises UsageError."""
    from numbacnn.errors import need_whole
    from numbacnn.formats import Preparation, parse_numbers, read_mean

    if resize is not None:
        need_whole("--resize", resize, 0, (1 << 16) - 1)
    said = Preparation() if mean is None else read_mean(mean)
    return said.overlaid(
        Preparation(
            scale=None if scale is None else parse_numbers("--scale", scale),
            order=None if order is None else order.upper(),
            shorter_side=resize,
        )
    )


def _in_words(pixels: Pixels) -> str:
    """Returns the preprocessing in words: `(pixel - (123, 117, 104)) * 0.017, as BGR, out of pictures with a shorter
    side of 256`.
    """
    mean = "the mean image" if "mean_image" in pixels.constants else _numbers(pixels.mean)
    words = [f"(pixel - {mean}) * {_numbers(pixels.scale)}"]
    if pixels.channel_order != "RGB":
        words.append(f"then turned to {pixels.channel_order}")
    if pixels.shorter_side:
        words.append(f"cut out of pictures whose shorter side is {pixels.shorter_side}")
    return ", ".join(words)


def _numbers(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(f'{each:.6g}' for each in value)})"
    return f"{value:.6g}"
