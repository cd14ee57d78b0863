"""The network that `train` builds for a data set, and what it says where none suits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbacnn import Dataset, Network
    from numbacnn.layers import Shape
    from numbacnn.training import Settings


def default_network(dataset: Dataset) -> str:
    """The network for the pictures' size where --network is left out. Raises UsageError naming those that fit."""
    from numbacnn.architectures import DEFAULTS
    from numbacnn.errors import UsageError

    if dataset.image_shape in DEFAULTS:
        return DEFAULTS[dataset.image_shape]
    raise UsageError(
        f"no network is chosen by itself for pictures of {_size(dataset.image_shape)}; name one with --network: "
        f"{_offers(dataset.image_shape)}{_others(dataset.image_shape)}"
    )


def build_network(dataset: Dataset, name: str, settings: Settings) -> Network:
    """A network for a data set: a named one at the pictures' size (`input_shape_for`), or one from a .toml file.

    Raises NetworkError for an unknown name, or ShapeError naming the networks that fit.
    """
    from numbacnn import architectures
    from numbacnn.errors import ShapeError
    from numbacnn.training import preprocessing

    is_named = name in architectures.ARCHITECTURES
    shape = dataset.image_shape
    built_for = (
        architectures.input_shape_for(name, shape, resize=settings.fit == "resize") if is_named else None
    )
    try:
        return architectures.build(
            name,
            input_shape=built_for,
            class_names=dataset.class_names,
            pixels=preprocessing(dataset),
            initialise=settings.initialise,
            seed=settings.seed,
        )
    except ShapeError as error:
        if built_for is None:
            raise
        height, width, _ = architectures.ARCHITECTURES[name].input_shape
        raise ShapeError(
            f"{name} does not fit pictures of {_size(shape)} ({error}); --fit resize enlarges them to "
            f"{height}x{width}, 'numbacnn data import SOURCE OUT.h5 --size {height}' makes larger ones of photographs; "
            f"networks that fit: {_offers(shape)}"
        ) from None


def _offers(shape: Shape) -> str:
    """The networks that take pictures of that shape, and how."""
    from numbacnn.architectures import suitable
    from numbacnn.training.fit import fit_of_sizes

    ways = {None: "as they are", "crop": "windows of {}x{}", "resize": "scaled to {}x{}"}
    groups: dict[str, list[str]] = {}
    for name, seen in sorted(suitable(shape).items(), key=lambda item: -item[1][0]):
        method = fit_of_sizes((shape[0], shape[1]), (seen[0], seen[1])).method
        groups.setdefault(ways[method].format(*seen), []).append(name)
    return "; ".join([*(f"{', '.join(names)} ({way})" for way, names in groups.items()), "or a .toml file"])


def _others(shape: Shape) -> str:
    """The networks that pictures of that shape are too small for, and what to do; empty if there is none."""
    from numbacnn.architectures import ARCHITECTURES, suitable

    fitting = suitable(shape)
    sizes = {name: made.input_shape[0] for name, made in ARCHITECTURES.items() if name not in fitting}
    if not sizes:
        return ""
    listed = ", ".join(f"{name} ({side})" for name, side in sizes.items())
    return (
        f". Others take larger pictures: {listed}; 'numbacnn data import SOURCE OUT.h5 --size {max(sizes.values())}' makes "
        "such of photographs, --fit resize enlarges these"
    )


def _size(shape: Shape) -> str:
    colours = {1: "grey", 3: "RGB"}
    return f"{shape[0]}x{shape[1]} in {colours.get(shape[2], f'{shape[2]} channels')}"
