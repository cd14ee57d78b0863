"""Network: a graph with the names of its classes, which takes pictures and returns probabilities."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .device import Array, get_device
from .errors import (
    DataError,
    NetworkError,
    NotEnoughMemory,
    ShapeError,
    UsageError,
    cut,
    nearest,
    need_whole,
)
from .files import as_paths, pictures_of
from .fitting import as_pictures, fit, fit_all, remedy_for_range, ten_crops
from .framing import frame
from .graph import Graph
from .layers import Shape, Softmax
from .limits import MAX_CLASSES
from .listing import Listing
from .predictions import Predictions
from .program import Head, Program
from .program.inputs import check_given
from .views import VIEWS

Images = Any
"""(N,H,W,C): uint8, or floats in [0, 1]. Grey pictures may leave C out. See `Network.as_images` for other sizes, and files."""

CROPS = (1, 10)
"""Parts of a picture that a prediction may be of: the middle, or four corners and the middle, and all of them mirrored."""


class _Programs(threading.local):
    """Each thread's own Programs; a copy of them, as a pickle, has none."""

    def __init__(self) -> None:
        self.made: dict[tuple[Any, ...], Program] = {}

    def __reduce__(self) -> tuple[type[_Programs], tuple[()]]:
        return _Programs, ()


class Network:
    """A graph that ends in a softmax over its classes.

    Several threads may look into one network at a time, predict with it, attack it: each has Programs of its own, and so as
    much memory. Nobody may train it or change its parameters meanwhile.

    `workspace_bytes` bounds what the kernels of all layers share beside activations and gradients (`Program`).
    Raises NetworkError if it does not, if there is one class, or if the names are not as many as the classes.
    """

    def __init__(
        self,
        graph: Graph,
        class_names: Sequence[str] = (),
        *,
        workspace_bytes: int | None = None,
        device: str = "cpu",
        precision: str = "float32",
    ) -> None:
        if not isinstance(graph.output.layer, Softmax):
            raise NetworkError(
                f"a network ends in softmax, the probabilities of its classes, and '{graph.output.name}' is "
                f"{graph.output.layer.kind}; every loss looks at the scores before it"
            )
        if len(graph.shapes[graph.output.name]) != 1:
            volume = "x".join(map(str, graph.shapes[graph.output.name]))
            raise ShapeError(
                f"layer '{graph.output.name}': softmax takes one score a class, and gets a volume {volume}; put a flatten "
                "layer before it"
            )
        self.graph = graph
        self.workspace_bytes = workspace_bytes
        self.classes: int = graph.shapes[graph.output.name][0]
        if self.classes < 2:
            raise NetworkError(
                f"a network tells two classes or more apart, and '{graph.output.name}' has one"
            )
        if self.classes > MAX_CLASSES:
            raise NetworkError(f"a network of {self.classes:,} classes: at most {MAX_CLASSES:,} are expected")
        self.class_names = tuple(class_names) or tuple(str(index) for index in range(self.classes))
        if len(self.class_names) != self.classes:
            raise NetworkError(f"{len(self.class_names)} class names for {self.classes} classes")
        self._programs = _Programs()
        self.to(device, precision)

    def __repr__(self) -> str:
        return self._listing().text()

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return self._listing().html()

    def _listing(self) -> Listing:
        """A row a layer: its name, its kind, the shape of its output, how many parameters it learns."""
        graph, rows, total = self.graph, [], 0
        for node in graph.nodes:
            parameters = sum(
                each.size for each in graph.parameters_of(node).values() if each.node == node.name
            )
            shape = "x".join(map(str, graph.shapes[node.name]))
            rows.append((node.name, node.layer.kind, shape, f"{parameters:,}" if parameters else ""))
            total += parameters
        takes = self.takes if self.takes_pictures_alone else f"inputs {self.takes}"
        heading = f"Network: {takes}, {self.classes} classes, {total:,} parameters, on {self.device}"
        return Listing(heading, ("layer", "kind", "output", "parameters"), rows)

    @property
    def device(self) -> str:
        """The name of the device that it computes on."""
        return self.graph.device.name

    @property
    def precision(self) -> str:
        """The precision of its products on that device: "float32", "tf32" or "bf16"."""
        return self.graph.device.precision

    def to(self, device: str, precision: str = "float32") -> Network:
        """Brings the parameters to a device ("cpu", "cuda", "auto") and returns the network, whose products have this `precision`
        from now on ("tf32", "bf16": a GPU's tensor cores). Raises DeviceError if the device is not there or has no such precision.
        """
        self.graph.move(get_device(device, precision))
        self._programs = _Programs()
        return self

    def parameter(self, node: str, name: str) -> Array:
        """A parameter's numbers on the host. Raises UsageError for an unknown node, NetworkError for an unknown parameter."""
        return self.graph.read(f"{self.graph[node].name}/{name}")

    @property
    def input_shape(self) -> Shape:
        """The shape of a picture, (H,W,C); () for a network that takes none."""
        return self.graph.input_shape

    @property
    def takes(self) -> str:
        """A description, in words, of what the network is given for one example."""
        if self.takes_pictures_alone:
            return next(iter(self.graph.inputs.values()))
        return ", ".join(f"{name} ({what})" for name, what in self.graph.inputs.items())

    @property
    def takes_pictures_alone(self) -> bool:
        return self.graph.takes_pictures and not self.graph.other_inputs

    def need_pictures(self) -> None:
        """Raises NetworkError unless the network takes pictures and nothing else, as all does that looks at pictures."""
        if not self.takes_pictures_alone:
            raise NetworkError(
                f"this needs a network of pictures alone, and this one has the inputs {self.takes}: 'numbacnn summary' shows "
                "it; from Python, network.predict(images, others={NAME: array}) answers and training.train_arrays trains it"
            )

    def initialise(self, scheme: str = "he", seed: int = 0, **options: float) -> None:
        """First values for every parameter; see `Graph.initialise`."""
        self.graph.initialise(scheme, seed, **options)

    def program(
        self,
        batch_size: int,
        gradients: str = "none",
        keep: tuple[str, ...] = (),
        heads: tuple[tuple[str, Head], ...] = (),
        keep_gradients: tuple[str, ...] = (),
    ) -> Program:
        """A Program for this network and this thread, kept for its next call that asks for the same or fewer pictures.

        `keep`: the nodes whose output will be asked for, beside the scores and the last; `keep_gradients`: those whose output's
        gradient will be. `heads`: as Program's.
        """
        need_whole("batch size", batch_size)
        wish, made = (gradients, keep, heads, keep_gradients, self.workspace_bytes), self._programs.made
        known = made.get(wish)
        if known is None or known.batch_size < batch_size:
            made.pop(wish, None)
            made[wish] = known = Program(
                self.graph,
                batch_size,
                gradients=gradients,
                keep=keep,
                keep_gradients=keep_gradients,
                heads=dict(heads),
                workspace_bytes=self.workspace_bytes,
            )
        return known

    def program_for(
        self,
        count: int,
        batch_size: int,
        gradients: str = "none",
        keep: tuple[str, ...] = (),
        keep_gradients: tuple[str, ...] = (),
    ) -> Program:
        """A Program to take `count` pictures through, `batch_size` at a time, or fewer where memory is short.

        Raises UsageError for a batch size that is no whole number above 0, NotEnoughMemory where one picture is too much.
        """
        need_whole("batch size", batch_size)
        wanted = min(batch_size, count)
        while True:
            plan = self.program(wanted, gradients, keep, keep_gradients=keep_gradients)
            try:
                plan.take()
            except NotEnoughMemory:
                del self._programs.made[gradients, keep, (), keep_gradients, self.workspace_bytes]
                if wanted == 1:
                    raise
                wanted //= 2
            else:
                return plan

    def predict(
        self,
        images: Images | None = None,
        batch_size: int = 64,
        *,
        others: Mapping[str, Array] | None = None,
        views: str = "one",
        crops: int = 1,
    ) -> Predictions:
        """Probabilities (N, classes) float32, with the names of the classes: `.top(5)`, `.names`.

        Pictures of any size, or names of files; see `as_images`, and for the errors raised. `crops` 10 is the mean over the four
        corners and the middle of each picture and their mirror images (`fitting.ten_crops`; Krizhevsky et al., 2012). `views`: how
        often each is seen otherwise (`views.VIEWS`); the scores of several views are averaged. `others` is what inputs beside
        pictures are given, by their names: as many rows as pictures (`graph.inputs` says which). Raises UsageError for unknown
        views, for both, or unless every input is given something.
        """
        if others or self.graph.other_inputs:
            return self._predict_of_inputs(
                images, batch_size, others or {}, is_plain=views == "one" and crops == 1
            )
        if images is None:
            raise UsageError("pictures are expected")
        if views not in VIEWS:
            raise UsageError(f"unknown views '{cut(views)}'{nearest(views, VIEWS)}")
        if crops != 1 and views != "one":
            raise UsageError(f"crops = {crops!r} and views = '{views}': one or the other is expected")
        if crops not in CROPS:
            raise UsageError(f"crops = {crops!r}: 1 or 10 is expected")
        files = as_paths(images)
        names = () if files is None else tuple(map(str, files))
        if crops == 1:
            found = []
            for plan, part in self._parts(images, batch_size):
                if len(VIEWS[views]) == 1:
                    plan.forward(part)
                    found.append(plan.output().copy())
                else:
                    found.append(probabilities(scores_in_views(plan, part, views)))
            return Predictions(np.concatenate(found), self.class_names, names)
        pixels, rows = self.graph.pixels, []
        pictures = as_pictures(images, self.input_shape) if files is None else pictures_of(files)
        for picture in pictures:
            ten = ten_crops(np.asarray(picture), self.input_shape, pixels.shorter_side)
            rows.append(np.mean([plan.output().mean(axis=0) for plan in self._passes(ten, 10)], axis=0))
        return Predictions(np.stack(rows).astype(np.float32), self.class_names, names)

    def _predict_of_inputs(
        self, images: Images | None, batch_size: int, others: Mapping[str, Array], *, is_plain: bool
    ) -> Predictions:
        """`predict` of a network that has inputs beside pictures."""
        if not is_plain:
            raise UsageError(
                f"views and crops are of pictures alone, and this network has the inputs {self.takes}"
            )
        found, pictures = [], None if images is None else self.as_images(images, alone=False)
        given = {name: np.asarray(values) for name, values in others.items()}
        count = check_given(self.graph, pictures, given)
        plan = self.program_for(count, batch_size)
        for start in range(0, count, plan.batch_size):
            part = slice(start, start + plan.batch_size)
            plan.forward(
                None if pictures is None else pictures[part],
                others={name: values[part] for name, values in given.items()},
            )
            found.append(plan.output().copy())
        return Predictions(np.concatenate(found), self.class_names)

    def features(self, images: Images, layer: str | None = None, batch_size: int = 64) -> Array:
        """The output of a layer for each picture as a row of numbers (N,D) float32; a volume's channels are averaged over its places.

        Without `layer`, what the last layer with weights reads. Raises UsageError if no layer has that name, or if there is
        no hidden layer; see `as_images` for pictures.
        """
        found = self.activations(images, layer or self.last_hidden(), batch_size)
        if found.ndim > 2:
            found = found.mean(axis=tuple(range(1, found.ndim - 1)))
        return np.ascontiguousarray(found, np.float32)

    def last_hidden(self) -> str:
        """The layer whose output the last layer with weights reads: what the scores are made of.

        Raises UsageError where there is only one layer with weights, which reads the pixels.
        """
        graph = self.graph
        node = graph[graph.scores]
        while not graph.parameters_of(node) and node.inputs:
            node = graph[node.inputs[0]]
        source = (*node.inputs, graph.nodes[0].name)[0]
        if not any(graph.parameters_of(graph[name]) for name in graph.ancestors(source)):
            raise UsageError("the network has no hidden layer: a layer has to be named")
        return source

    def activations(self, images: Images, node: str, batch_size: int = 64) -> Array:
        """The output of a layer: (N, …). Raises UsageError if no layer has that name."""
        return np.concatenate(
            [plan.output(node).copy() for plan in self._passes(images, batch_size, (node,))]
        )

    def as_images(self, images: Images, *, alone: bool = True) -> Array:
        """Pictures as this network sees them, (N,H,W,C), checked.

        Pictures of another size are scaled and cut as the network's preprocessing says (`Pixels.shorter_side`), grey
        ones become RGB and RGB ones grey where the network takes those: see `fitting.fit`. A list may hold pictures
        (h,w,c) of several sizes. The name of a file, of a folder of pictures, or a list of such, stands for the pictures in
        them; drawings are framed as the network's training pictures are (`framing`), as the command `predict` does it.
        Raises ShapeError for what are no N pictures, DataError if their values are no pixels, NetworkError if the network has
        other inputs too and pictures `alone` are meant.
        """
        if alone:
            self.need_pictures()
        if not self.graph.takes_pictures:
            raise UsageError(f"pictures are given, and the network's inputs are {self.takes}")
        files = as_paths(images)
        if files is not None:
            images = [self._framed(picture) for picture in pictures_of(files)]
        pictures = as_pictures(images, self.input_shape)
        fitted = fit_all(pictures, self.input_shape, self.graph.pixels.shorter_side)
        if fitted.dtype == np.uint8:
            return fitted
        low, high = fitted.min(), fitted.max()
        if not (low >= 0 and high <= 1):
            raise DataError(
                f"pictures with values from {low:g} to {high:g}: uint8, or floats in [0, 1], are expected{remedy_for_range(low, high)}"
            )
        return fitted

    def _framed(self, picture: Array) -> Array:
        """A file's picture, framed where the network is one of drawings, of the network's size."""
        framing = self.graph.pixels.framing
        framed = frame(framing, picture).picture if framing else picture
        return fit(framed, self.input_shape, self.graph.pixels.shorter_side)

    def as_labels(self, labels: Any, count: int) -> Array:
        """Class indices of `count` pictures, (count,) int64, checked; one index stands for all of them.

        Raises DataError if they are no indices of this network's classes.
        """
        given = np.asarray(labels)
        if given.dtype.kind not in "iu" or given.shape not in ((), (count,)):
            raise DataError(
                f"labels of {given.dtype}, shape {given.shape}: class indices are expected, one or {count} of them"
            )
        wrong = (given < 0) | (given >= self.classes)
        if wrong.any():
            raise DataError(
                f"label {given[wrong][0]}: class indices from 0 to {self.classes - 1} are expected"
            )
        return np.broadcast_to(given.astype(np.int64), count).copy()

    def _passes(self, images: Images, batch_size: int, keep: tuple[str, ...] = ()) -> Iterator[Program]:
        """A Program after each of its passes over pictures."""
        for plan, part in self._parts(images, batch_size, keep):
            plan.forward(part)
            yield plan

    def _parts(
        self, images: Images, batch_size: int, keep: tuple[str, ...] = ()
    ) -> Iterator[tuple[Program, Array]]:
        """A Program, and the pictures of each of its passes."""
        images = self.as_images(images)
        plan = self.program_for(len(images), batch_size, keep=keep)
        for start in range(0, len(images), plan.batch_size):
            yield plan, images[start : start + plan.batch_size]


def scores_in_views(plan: Program, images: Array, views: str) -> Array:
    """The scores (n, classes) of pictures that fit the program, (n,H,W,C), averaged over how often each is seen."""
    total: Any = 0
    for view in VIEWS[views]:
        plan.forward(view.of(images), until=plan.scores)
        total = total + np.float32(view.weight) * plan.output(plan.scores)
    return total


def probabilities(scores: Array) -> Array:
    """The softmax of scores (n, classes)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
