"""The tree of commands. A command is a plain function that shows things through `out` and returns its result:

    from __future__ import annotations

    from typing import Any

    from .opening import open_data, open_model
    from .options import Data, Model, Out


    def evaluate(*, model: Model = None, data: Data = None, batch_size: int = 64, out: Out) -> dict[str, Any]:
        \"\"\"Measure the error of a trained network.

        JSON: `top1_error`, `top5_error`, `loss`, `images`.

        Parameters
        ----------
        batch_size
            Pictures at a time.
        \"\"\"
        from numbacnn.training import …  # here, so that --help stays fast

        opened = open_model(model, out)
        dataset = open_data(data, opened, out)
        …
        return {"top1_error": …, "top5_error": …, "loss": …, "images": …}

and one line below. `out` comes from the shell. The dict is printed only with --json; its keys are stable and
documented in the docstring. Errors are raised (`numbacnn.errors`) and never printed: `main` does that. Modules of
commands import numbacnn, NumPy and matplotlib inside the functions. A group of options is a frozen dataclass with
``@Parameter(name="*")``; its fields become options, their docstrings the help.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter
from cyclopts.exceptions import UnknownCommandError, UnknownOptionError, UnusedCliTokensError

from numbacnn.attacks.registry import ENTRIES
from numbacnn.errors import cut, nearest

from .claims import held_until_the_end
from .compilations import compilations_shown
from .examples import epilogue
from .options import Given
from .output import Output, Terminal
from .stopping import stoppable
from .whole_numbers import only_whole


def version() -> str:
    """Returns the version of the installed package."""
    import numbacnn

    return str(numbacnn.__version__)


app = App(
    name="numbacnn",
    help="Train a convolutional network, look inside it and break it.",
    version=version,
    help_format="plaintext",
    group_parameters=Group("Options", sort_key=20),
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(json_list=False, json_dict=False),  # "[1].png" is a file's name
    console=Terminal(),
)
app.command("numbacnn_cli.train:train", name="train", help="Train a network on a data set.")
app.command("numbacnn_cli.finetune:finetune", name="finetune", help="Teach a trained network other classes.")
app.command("numbacnn_cli.evaluate:evaluate", name="eval", help="Measure the error of a trained network.")
app.command("numbacnn_cli.evaluate:predict", name="predict", help="Name what pictures show.")
app.command(
    "numbacnn_cli.summary:summary", name="summary", help="Sizes and costs of a network, a row a layer."
)
app.command(
    "numbacnn_cli.gradcheck:gradcheck", name="gradcheck", help="Compare gradients with finite differences."
)
app.command(
    "numbacnn_cli.similar:similar", name="similar", help="Find pictures that a network takes for alike."
)
app.command(
    "numbacnn_cli.similar:features",
    name="features",
    help="Write what a layer puts out for a data set's pictures.",
)
app.command(
    "numbacnn_cli.diagnose:diagnose",
    name="diagnose",
    help="What is wrong with layers, and what to do about it.",
)
app.command(
    "numbacnn_cli.report.command:report",
    name="report",
    help="One page on a run or a model, to read and to send.",
)
app.command("numbacnn_cli.networks:networks", name="networks", help="The networks that have names.")
app.command("numbacnn_cli.convert:convert", name="convert", help="Make a model of another program's network.")
app.command("numbacnn_cli.bench:bench", name="bench", help="Measure how fast a network runs here.")
app.command("numbacnn_cli.tune:tune", name="tune", help="Measure how products are laid out best on this GPU.")
app.command(
    "numbacnn_cli.warmup:warmup", name="warmup", help="Compile what networks need, before it is needed."
)
app.command(
    "numbacnn_cli.doctor:doctor", name="doctor", help="What numbacnn found here, and whether it works."
)

viz = App(name="viz", help="Look inside a trained network.")
viz.command("numbacnn_cli.viz.filters:filters", name="filters", help="The kernels of a layer as a mosaic.")
viz.command("numbacnn_cli.viz.saliency:saliency", name="saliency", help="The pixels that a class depends on.")
viz.command(
    "numbacnn_cli.viz.attribute:attribute",
    name="attribute",
    help="The same by nine methods: Grad-CAM, integrated gradients, occlusion, ….",
)
viz.command(
    "numbacnn_cli.viz.compare:compare",
    name="compare",
    help="All nine methods beside each other, and which of them can be trusted.",
)
viz.command("numbacnn_cli.viz.class_:class_", name="class", help="What a class looks like to the network.")
viz.command("numbacnn_cli.viz.unit:unit", name="unit", help="What units of a layer look for.")
viz.command(
    "numbacnn_cli.viz.dream:dream", name="dream", help="A photograph, dreamt on by a layer (DeepDream)."
)
viz.command("numbacnn_cli.viz.invert:invert", name="invert", help="What layers still know of a picture.")
viz.command(
    "numbacnn_cli.viz.layers:layers", name="layers", help="What excites each unit, walked back to pixels."
)
viz.command(
    "numbacnn_cli.viz.activations:activations",
    name="activations",
    help="The volumes that a picture becomes, layer by layer.",
)
viz.command(
    "numbacnn_cli.viz.features:features",
    name="features",
    help="Pictures in the plane by what the last hidden layer makes of them.",
)
viz.command(
    "numbacnn_cli.viz.evolution:evolution",
    name="evolution",
    help="How a layer's features change over a run's epochs.",
)
viz.command(
    "numbacnn_cli.viz.occlusion:occlusion",
    name="occlusion",
    help="What the network makes of a picture while a square slides over it.",
)
viz.command(
    "numbacnn_cli.viz.correspondence:correspondence",
    name="correspondence",
    help="Whether hiding the same part of several pictures changes a layer alike.",
)
viz.command(
    "numbacnn_cli.viz.depth:depth",
    name="depth",
    help="The revolution of depth: errors and layers, year by year.",
)
viz.command(
    "numbacnn_cli.viz.activation_functions:activation_functions",
    name="activation-functions",
    help="Each non-linearity with its derivative.",
)
viz.command(
    "numbacnn_cli.viz.architecture:architecture",
    name="architecture",
    help="A network as the volumes that pictures become.",
)
viz.command(
    "numbacnn_cli.viz.spatial:spatial",
    name="spatial",
    help="Where a filter fits on a picture, stride by stride.",
)
viz.command(
    "numbacnn_cli.viz.conv_demo:conv_demo",
    name="conv-demo",
    help="A convolution on a small volume, step by step.",
)
app.command(viz)

attack = App(name="attack", help="Change pictures until the network errs.")
for _name, _entry in ENTRIES.items():
    attack.command(f"numbacnn_cli.attack.commands:{_name}", name=_name, help=_entry.help)
attack.command(
    "numbacnn_cli.attack.sweeping:sweep", name="sweep", help="Accuracy over epsilon, for several attacks."
)
attack.command(
    "numbacnn_cli.attack.smallest:minimal", name="minimal", help="The smallest epsilon that fools, a picture."
)
attack.command(
    "numbacnn_cli.attack.transferring:transfer",
    name="transfer",
    help="Pictures made to fool one model, shown to others.",
)
attack.command(
    "numbacnn_cli.attack.certifying:certify",
    name="certify",
    help="The radius within which a smoothed network is certain.",
)
app.command(attack)

data = App(name="data", help="Make data sets and look at them.")
data.command(
    "numbacnn_cli.data:import_data", name="import", help="Make a data set of files in other formats."
)
data.command(
    "numbacnn_cli.fetch:fetch_data",
    name="fetch",
    help="A published data set, by name, from where it is published.",
)
data.command("numbacnn_cli.data:info", name="info", help="What a data set holds.")
data.command("numbacnn_cli.data:show", name="show", help="A grid of a data set's pictures.")
app.command(data)

model = App(name="model", help="Networks that others have trained.")
model.command(
    "numbacnn_cli.fetch:fetch_model", name="fetch", help="A published network with its weights, by name."
)
app.command(model)

app.register_install_completion_command(help="Install completion for this shell.")

EVERYWHERE = Group("Every command", sort_key=100)
_EVERYWHERE = ("--config", "--json", "--max-memory", "--threads")


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    json: Annotated[
        bool,
        Parameter(
            group=EVERYWHERE,
            negative="",
            show_default=False,
            help="One JSON object on stdout, all else on stderr.",
        ),
    ] = False,
    threads: Annotated[
        int | None,
        Parameter(group=EVERYWHERE, help="Processor threads to compute with. Left out: one a core."),
    ] = None,
    config: Annotated[
        Path | None,
        Parameter(group=EVERYWHERE, help="TOML file of options; those on the command line win."),
    ] = None,
    max_memory: Annotated[
        str | None,
        Parameter(
            group=EVERYWHERE,
            help="The most memory that a file or a batch may take: 4G, 500M. Left out: NUMBACNN_MAX_MEMORY, else what "
            "is free, and for a file 1 GiB and four times its size.",
        ),
    ] = None,
) -> Any:
    """Parse what is left of the options for the command, and run it."""
    from numbacnn.errors import UsageError
    from numbacnn.limits import VARIABLE, parse_size
    from numbacnn.toml import read_toml

    if max_memory is not None:
        try:
            parse_size(max_memory)
        except ValueError as error:
            raise CycloptsError(msg=f"--max-memory {error}") from None
        os.environ[VARIABLE] = max_memory
    if threads is not None:
        if threads < 1:
            raise CycloptsError(msg=f"--threads {threads}: at least 1 is expected")
        _set_threads(threads)
    if config is not None and not config.is_file():
        raise CycloptsError(msg=f"--config {config}: no such file")
    given = Given()
    app.config = (only_whole, given.note)
    if config is not None:
        values = read_toml(config, UsageError).values
        app.config = (_options_of(values, str(config)), *app.config)
    command, bound, left_out = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if json and getattr(command, "__func__", None) is App.help_print:
        raise CycloptsError(msg="--json needs a command")
    out = Output(as_json=json)
    shell = {name: given if wanted is Given else out for name, wanted in left_out.items()}
    with held_until_the_end(), compilations_shown(out) as compiled, stoppable(out, compiled):
        return command(*bound.args, **bound.kwargs, **shell)


app.meta.suppress_keyboard_interrupt = False
app.meta.config = (only_whole,)


def _options_of(values: dict[str, Any], source: str) -> Any:
    """Returns a cyclopts config with the options of a file, for whichever command is called.

    They are handed over as that command's own table: at the top level cyclopts drops keys that are names of commands,
    and `data` is one.
    """
    from cyclopts.config import Dict

    def read(called: App, commands: tuple[str, ...], arguments: Any) -> None:
        table = values
        for command in reversed(commands):
            table = {command: table}
        Dict(table, source=source)(called, commands, arguments)

    return read


def _set_threads(threads: int) -> None:
    """Sets the variables from which Numba, OpenMP and BLAS read the number of threads when they are imported."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)


def _take_threads(arguments: Sequence[str]) -> None:
    """Sets the threads that --threads asks for before the command's module is loaded, which imports Numba. A value that
    is no number is left for `launch` to refuse.
    """
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--threads":
            value = value or "".join(arguments[place + 1 : place + 2])
            if value.isascii() and value.isdigit() and int(value):
                _set_threads(int(value))


def run(arguments: Sequence[str]) -> Any:
    """Run a command line and return what its command returns. Raises CycloptsError for one that is wrong."""
    _take_threads(arguments)
    names, apps, _ = app.parse_commands(arguments)
    for depth, called in enumerate(apps):
        called.help_epilogue = epilogue(" ".join(names[:depth]))
        if isinstance(called.default_command, FunctionType):
            called.help = None  # its docstring says more than its line in the list of commands
            called.help_format = "markdown"  # only here, as it is slow to load
    return app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")


def explain(error: CycloptsError) -> str:
    """Returns what was wrong with the command line, and where its help is."""
    chain = " ".join((app.name[0], *(error.command_chain or ())))
    if isinstance(error, UnknownOptionError):
        given = error.token.keyword or error.token.value
        options = [
            name for argument in error.argument_collection if argument.parse for name in argument.names
        ]
        known = [name for name in (*options, *_EVERYWHERE) if name.startswith("--")]
        place = ""
        if error.token.source != "cli":  # the file of --config, where options have no dashes
            given, place = given.strip("[]"), f" in {error.token.source}"
            known = [name.removeprefix("--") for name in known]
        message = f"unknown option '{cut(given)}'{place}{nearest(given, known)}"
    elif isinstance(error, UnknownCommandError) and error.app is not None and error.unused_tokens:
        given = error.unused_tokens[0]
        if given.startswith("-"):
            message = f"unknown option '{cut(given)}'{nearest(given, (*_EVERYWHERE, '--help', '--version'))}"
        else:
            commands = [name for name in error.app if not name.startswith("-")]
            message = f"unknown command '{cut(given)}'{nearest(given, commands)}"
    elif isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        message = f"unexpected argument '{cut(error.unused_tokens[0])}'"
    else:
        message = cut(error, 2000)
        message = message[:1].lower() + message[1:]
    return f"{message.rstrip('.')} (see '{chain} --help')"
