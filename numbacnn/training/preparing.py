"""From a data set to a network and settings that suit it: what `numbacnn train` starts from, and a notebook can too."""

from __future__ import annotations

from typing import Any

from .. import architectures
from ..architectures import ARCHITECTURES, DEFAULTS, OFFERED, suitable
from ..data import Dataset
from ..errors import ShapeError, UsageError
from ..layers import Shape
from ..network import Network
from .fit import fit_of_sizes
from .preprocessing import preprocessing
from .recipes import Choice, choices
from .settings import Settings


def prepare(dataset: Dataset, network: str | None = None, **changes: Any) -> tuple[Network, Settings]:
    """A new network for a data set, and how to train it: `train(network, dataset, settings)` is `numbacnn train`.

    `network` is a named one or a .toml file; left out, the one for the pictures' size. `changes` are fields of Settings,
    in place of the network's own recipe and of the defaults. Raises UsageError, NetworkError or ShapeError.
    """
    name = network or default_network(dataset)
    settings = as_settings(choose(dataset, name, changes))
    return build_network(dataset, name, settings), settings


def choose(dataset: Dataset, network: str, changes: dict[str, Any], *, recipe: str = "") -> dict[str, Choice]:
    """Each setting of a training, and where its value comes from: from `changes`, a recipe (`choices`) or the defaults.

    A step takes all pictures where a batch of a recipe would be larger. Raises UsageError for a batch size among the
    changes that is larger than the training split, or an unknown setting.
    """
    chosen = choices(network, recipe=recipe, **changes)
    size, most = chosen["batch_size"].value, len(dataset.train)
    if isinstance(size, int) and size > most:
        if "batch_size" in changes:
            raise UsageError(
                f"--batch-size {size}: at most {most} is expected, as {dataset.name} has no more training pictures"
            )
        chosen["batch_size"] = Choice(
            most, f"all training pictures, fewer than the {size} of the {chosen['batch_size'].source}"
        )
    return chosen


def as_settings(chosen: dict[str, Choice]) -> Settings:
    """The settings that were chosen. Raises UsageError for a value that cannot be meant."""
    return Settings(**{name: choice.value for name, choice in chosen.items()})


def default_network(dataset: Dataset) -> str:
    """The network for the pictures' size where none is named. Raises UsageError naming those that fit."""
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
    is_named = name in ARCHITECTURES
    shape = dataset.image_shape
    built_for = (
        architectures.input_shape_for(name, shape, resize=settings.fit == "resize") if is_named else None
    )
    try:
        network = architectures.build(
            name,
            input_shape=built_for,
            class_names=dataset.class_names,
            pixels=preprocessing(dataset),
            initialise=settings.initialise,
            seed=settings.seed,
        )
        network.need_pictures()
        return network
    except ShapeError as error:
        if built_for is None:
            raise
        height, width, _ = ARCHITECTURES[name].input_shape
        raise ShapeError(
            f"{name} does not fit pictures of {_size(shape)} ({error}); --fit resize enlarges them to "
            f"{height}x{width}, 'numbacnn data import SOURCE OUT.h5 --size {height}' makes larger ones of photographs; "
            f"networks that fit: {_offers(shape)}"
        ) from None


def _offers(shape: Shape) -> str:
    """The networks that take pictures of that shape, and how."""
    ways = {None: "as they are", "crop": "windows of {}x{}", "resize": "scaled to {}x{}"}
    groups: dict[str, list[str]] = {}
    for name, seen in sorted(suitable(shape).items(), key=lambda item: -item[1][0]):
        method = fit_of_sizes((shape[0], shape[1]), (seen[0], seen[1])).method
        groups.setdefault(ways[method].format(*seen), []).append(name)
    return "; ".join([*(f"{', '.join(names)} ({way})" for way, names in groups.items()), "or a .toml file"])


def _others(shape: Shape) -> str:
    """The networks that pictures of that shape are too small for, and what to do; empty if there is none."""
    fitting = suitable(shape)
    sizes = {name: ARCHITECTURES[name].input_shape[0] for name in OFFERED if name not in fitting}
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
