"""Batch normalisations that vanish into the convolutions before them, outside training and where nothing is learned.

With the running statistics a normalisation is a factor and an offset a channel, which the convolution's filters and bias
can have in them. So a step before the convolution makes such filters (`normalization.fold`), and the normalisation's own
pass over its output goes; on the way back, the gradient with respect to the convolution's input takes both at once.

Where its filters are made in every pass (on a GPU), a convolution with more weights than a picture has outputs stays as it is:
making them would cost more than the pass does. That depends on the geometry alone, so that a picture's output has the same bits in
every batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ..graph import Graph
from ..ops import normalization
from ..ops.operands import Key, Operand, Step, Storage
from .emission import GRADIENT
from .steps import by_node, named, with_arguments

_NORMALISATION = [normalization.from_running, normalization.forward]
_WEIGHTS, _BIAS = "folded weights", "folded bias"


def foldable(
    graph: Graph, forward: Iterable[Step], looked_at: Collection[str], *, once: bool
) -> dict[str, str]:
    """Normalisation -> the layer that it folds into, told from the steps of a pass outside training. What somebody looks at
    between the two (`looked_at`: nodes) has to be there. `once`: filters are made once, not in every pass.
    """
    steps, readers = by_node(forward), graph.readers()
    found = {}
    for name, own in steps.items():
        source = (*graph[name].inputs, "")[0]
        alone = readers.get(source) == [name] and source not in looked_at
        if (
            alone
            and _is_normalisation(own)
            and len(steps.get(source, [])) == 1
            and _takes(steps[source][0], once)
        ):
            found[name] = source
    return found


def folded_forward(steps: Iterable[Step], folds: Mapping[str, str]) -> list[Step]:
    """The steps of a pass forward; one of training is left as it is."""
    left = list(steps)
    own = by_node(left)
    for name, source in folds.items():
        if not _is_normalisation(own.get(name, [])):
            continue
        statistics, normal = own[name]
        product = own[source][-1]
        given, then = named(product), named(normal)
        weights, bias = _of(source, _WEIGHTS, given["weights"]), _of(source, _BIAS, given["bias"])
        flat = (-1, bias.size)
        _, _, mean, variance, eps = statistics.arguments
        arguments = (
            weights.reshape(flat),
            bias,
            given["weights"].reshape(flat),
            given["bias"],
            mean,
            variance,
            then["scale"],
            then["shift"],
            eps,
        )
        output = then["y"].reshape(given["y"].shape)
        place = left.index(product)
        left[place : place + 1] = [
            Step(normalization.fold, arguments, None, name, product.time),
            replace(with_arguments(product, y=output, weights=weights, bias=bias), node=name),
        ]
        left = [step for step in left if step is not statistics and step is not normal]
    return left


def folded_backward(steps: Iterable[Step], folds: Mapping[str, str]) -> list[Step]:
    """The steps back after such a pass forward: through a normalisation and its convolution at once."""
    left = list(steps)
    own = by_node(left)
    for name, source in folds.items():
        if [step.kernel for step in own.get(name, [])] != [normalization.forward]:
            continue
        (normal,) = own[name]
        instead: dict[Key, Operand] = {(source, GRADIENT): named(normal)["x"]}
        left = [
            _through(step, source, instead) if step.node == source else step
            for step in left
            if step is not normal
        ]
    return left


def _through(step: Step, source: str, instead: Mapping[Key, Operand]) -> Step:
    """A step back through the convolution `source`, from the normalisation's gradient and with the folded weights."""
    given = named(step)
    changed = {
        name: instead[value.storage.key].reshape(value.shape)
        for name, value in given.items()
        if isinstance(value, Operand) and value.storage.key in instead
    }
    if "weights" in given:
        changed["weights"] = _of(source, _WEIGHTS, given["weights"])
    return with_arguments(step, **changed)


def _takes(step: Step, once: bool) -> bool:
    """Whether a layer's one step is a product with weights and a bias, and no more weights than a picture has outputs."""
    if step.kernel is None or not {"y", "weights", "bias"} <= set(step.kernel.parameters):
        return False
    given = named(step)
    return once or bool(given["weights"].size <= given["y"].size // len(given["y"]))


def _is_normalisation(steps: Sequence[Step]) -> bool:
    return [step.kernel for step in steps] == _NORMALISATION


def _of(node: str, what: str, like: Operand) -> Operand:
    return Operand(Storage((node, what), like.size, like.dtype), like.shape)
