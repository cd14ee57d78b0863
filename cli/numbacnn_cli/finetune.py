"""numbacnn finetune: a trained network learns other classes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from .destination import Destination
from .figure_options import RENDERING, Rendering
from .folders import new_folder, old_folder
from .opening import OpenedModel, open_model
from .options import CPU, INPUTS, Compute, Given, Model, Origins, Out
from .running import carry_out
from .runs import run_name
from .starting import Start, resumed_start
from .training_options import THIS_RUN, Options

if TYPE_CHECKING:
    from numbacnn import Dataset, Network
    from numbacnn.training import RunFolder, Settings
    from numbacnn.training.fixed_features import FixedFeatures

    from .output import Output

LAYERS = Group("Which layers learn", sort_key=2)
BELOW = 0.1
SHOWN = 12
"""Layers that are named in one line, at most."""


def finetune(
    *,
    data: Annotated[str | None, Parameter(name=["--data", "-d"], group=INPUTS)] = None,
    model: Model = None,
    freeze: Annotated[Literal["none", "all"], Parameter(group=LAYERS)] = "none",
    freeze_until: Annotated[str | None, Parameter(group=LAYERS)] = None,
    below: Annotated[float, Parameter(group=LAYERS)] = BELOW,
    test: Annotated[float, Parameter(group=INPUTS)] = 0.2,
    validation: Annotated[float, Parameter(group=INPUTS)] = 0.1,
    settings: Annotated[Options, Parameter(name="*")] = Options(),  # noqa: B008 - frozen
    run: Annotated[Path | None, Parameter(group=THIS_RUN)] = None,
    resume: Annotated[Path | None, Parameter(group=THIS_RUN)] = None,
    rendering: Rendering = RENDERING,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Teach a trained network other classes: it gets a new output layer, and learns from your pictures.

    All layers learn, those below the new one at a share of the rate (--below); or the first stay as they are
    (--freeze-until); or all but the new one do (--freeze all): what they make of each picture, and of its mirror image, is
    then computed once, and an epoch takes moments. Pictures come to the network's size as its own preprocessing says.
    The folder is as train's; stop it with Ctrl-C and go on with --resume.

    JSON: as train's, and `learning` (the layers that learn), `frozen` (how many layers with parameters do not),
    `features` (the file of what frozen layers put out, or null).

    Parameters
    ----------
    data
        Data set (.h5), or a folder with a folder of pictures a class, which becomes data.h5 in the run's folder.
    freeze
        all: only the new output layer learns.
    freeze_until
        The last layer that stays as it is, with all that it is computed from.
    below
        Share of the learning rate at which the layers below the new one learn.
    test
        Share of a folder's pictures kept for the test, if it has no folder test.
    validation
        Share of a folder's other pictures kept to choose the best epoch, if it has no folder validation; 0: none.
    run
        Folder for this run; left out, a new one under runs/.
    resume
        Folder of a run to go on with, as it was configured; --epochs may be larger.
    """
    from numbacnn.errors import UsageError
    from numbacnn.training.finetuning import learning, output_layer

    figures = rendering.prepare(Destination(out, reads=[model]), out)
    changes = {name: value for name, value in vars(settings).items() if value is not None}
    with ExitStack() as held:
        if resume is not None:
            folder = held.enter_context(old_folder(resume, out))
            named = None if model is None else str(model)
            start = resumed_start(folder, data, named, run, changes, compute, given, out)
        else:
            if data is None:
                raise UsageError(
                    "--data is missing: a data set (.h5), or a folder with a folder of pictures a class"
                )
            opened = open_model(model, out)
            name = run_name(_name_of(data), opened.path.stem if opened.path.stem != "model" else "finetuned")
            folder = held.enter_context(new_folder(run, name, out))
            config = {"data": data, "model": str(opened.path), "freeze": freeze, "below": below}
            if freeze_until is not None:
                config["freeze_until"] = freeze_until
            if Path(data).is_dir():
                config["data"] = _imported(Path(data), folder, opened.network, test, validation, out)
            start = _start(folder, opened, config, changes, compute, given, out)
        network = start.trainer.network
        learns = learning(network)
        _say(network, learns, output_layer(network.graph).name, out)
        result = carry_out(start, folder, figures, out)
        weighted = [node.name for node in network.graph.nodes if network.graph.parameters_of(node)]
        features = folder.features if folder.features.exists() else None
        return {**result, "learning": learns, "frozen": len(weighted) - len(learns), "features": features}


def begun_again(
    folder: RunFolder,
    config: dict[str, Any],
    changes: dict[str, Any],
    compute: Compute,
    given: Given,
    out: Output,
) -> Start:
    """Starts a run once more, as it was configured, that ended before it had saved anything."""
    from numbacnn.training.restoring import FINETUNING

    own = ("data", "model", *FINETUNING)
    configured = {name: value for name, value in config.items() if name not in own}
    opened = open_model(Path(config["model"]), out)
    kept = {name: value for name, value in config.items() if name in own}
    return _start(folder, opened, kept, {**configured, **changes}, compute, given, out)


def _start(
    folder: RunFolder,
    opened: OpenedModel,
    config: dict[str, Any],
    changes: dict[str, Any],
    compute: Compute,
    given: Given,
    out: Output,
) -> Start:
    """Returns a new run. Raises whatever makes it impossible."""
    from numbacnn.errors import UsageError
    from numbacnn.storage.datasets import open_dataset
    from numbacnn.training import Trainer
    from numbacnn.training.finetuning import for_classes, freeze_until, last_fixed, slow_below
    from numbacnn.training.preparing import as_settings, choose
    from numbacnn.training.recipes import GIVEN

    until, below, frozen = config.get("freeze_until"), config["below"], config["freeze"] == "all"
    if frozen and until is not None:
        raise UsageError("--freeze all and --freeze-until: one of them says which layers stay as they are")
    if not 0 <= below <= 1000:
        raise UsageError(f"--below {below:g}: a share of the learning rate, 0 to 1000, is expected")
    dataset = open_dataset(config["data"])
    if "fit" not in changes and not opened.network.graph.pixels.shorter_side:
        changes = {**changes, "fit": "resize"}  # scaled just enough, as the model does it
    recipe = "the output layer alone" if frozen else "fine-tuning"
    choices = choose(dataset, config["model"], changes, recipe=recipe)
    settings = as_settings(choices)
    network = for_classes(opened.network, dataset.class_names, settings.seed)
    if not frozen:
        slow_below(network, below)
    if frozen or until is not None:
        freeze_until(network, last_fixed(network) if until is None else until)
    compute.place(network)
    fixed = features_of(folder, network, dataset, settings, out) if frozen else None
    trainer = Trainer(network, dataset, settings, features=fixed)
    sources = {name: given.place(name) for name in config}
    sources |= {
        name: given.place(name) if choice.source == GIVEN else choice.source
        for name, choice in choices.items()
    }
    return Start({**config, **trainer.settings.as_dict()}, sources, trainer)


def features_of(
    folder: RunFolder, network: Network, dataset: Dataset, settings: Settings, out: Output
) -> FixedFeatures:
    """Returns the outputs of the layers that do not learn, from the run's folder; they are computed and kept there if
    it has none.
    """
    from numbacnn.errors import DataError
    from numbacnn.training.arranging import learned_from
    from numbacnn.training.finetuning import last_fixed
    from numbacnn.training.fixed_features import FixedFeatures, write_fixed_features

    node, learned = last_fixed(network), learned_from(dataset, settings)
    path, mirrored = folder.features, settings.flip
    if path.exists():
        try:
            return FixedFeatures(path, network, node, learned, mirrored=mirrored)
        except DataError as error:
            out.warn(f"{error}: computed again")
    write_fixed_features(path, network, node, learned, mirrored=mirrored, watch=out.progress)
    return FixedFeatures(path, network, node, learned, mirrored=mirrored)


def _imported(
    source: Path, folder: RunFolder, network: Network, test: float, validation: float, out: Output
) -> str:
    """Imports a folder's pictures as a data set into the run's folder, in the size that the network's preprocessing
    scales to, and returns its path.
    """
    from numbacnn.data.importers import read_source
    from numbacnn.errors import UsageError
    from numbacnn.storage.datasets import write_dataset

    for option, share in (("--test", test), ("--validation", validation)):
        if not 0 <= share < 1:
            raise UsageError(
                f"{option} {share:g}: a share of the pictures, at least 0 and below 1, is expected"
            )
    size = network.graph.pixels.shorter_side or max(network.input_shape[:2])
    contents = read_source(source, test=test, validation=validation, size=size, watch=out.progress)
    for note in (*contents.notes, *write_dataset(folder.data, contents, watch=out.progress)):
        out.note(f"note: {note}")
    counted = ", ".join(f"{len(split):,} for {name}" for name, split in contents.splits.items())
    out.note(f"pictures of {source} are kept in {folder.data}: {counted}")
    return str(folder.data)


def _name_of(data: str) -> str:
    return Path(data).stem


def _say(network: Network, learns: list[str], last: str, out: Output) -> None:
    graph = network.graph
    count = sum(each.size for each in graph.parameters.values() if each.trainable)
    listed = ", ".join(learns[-SHOWN:][::-1])
    more = f" and {len(learns) - SHOWN} more" if len(learns) > SHOWN else ""
    rates = {
        each.rate for name in learns if name != last for each in graph.parameters_of(graph[name]).values()
    }
    slower = f"; those below {last} at {max(rates):g} of the rate" if rates and max(rates) != 1 else ""
    out.say(f"learning: {listed}{more} ({count:,} parameters){slower}")
