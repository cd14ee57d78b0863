"""What the walk back to pixels does at each kind of layer, in words: Zeiler and Fergus (2013) say it of the layers that
their networks had, and others need a choice.
"""

from __future__ import annotations

from ..errors import UsageError, nearest
from ..layers import ELU, Clip, Layer, LeakyReLU, PReLU, ReLU, ReLU6
from ..network import Network
from ..ops.activations import RULES

_RECTIFIERS = {
    "standard": "passes the signal where its input was above 0 (below, times the slope)",
    "deconvnet": "keeps the positive part of the signal, whatever its input was",
    "guided": "keeps the positive part of the signal where its input was above 0",
}
_CLIPS = {
    "standard": "passes the signal where its input was between its bounds",
    "deconvnet": "keeps the positive part of the signal; that its output ends at a bound does not matter",
    "guided": "keeps the positive part of the signal where its input was between its bounds",
}
_DERIVATIVE = "passes the signal times its derivative at the picture in hand"
_ALWAYS = {
    "pixels": "turns the signal back to pixels: times the scale, the colours in their order; the mean is left out",
    "convolution": "spreads the signal by the transposed filters; the bias is left out",
    "transposed-convolution": "gathers the signal by the same filters; the bias is left out",
    "dense": "spreads the signal by the transposed weights; the bias is left out",
    "max-pool": "gives the signal to the place that was the largest (its switch); where windows overlap and share a place, "
    "their signals are added",
    "sum-pool": "gives the signal to every place of its window; where windows overlap, their signals are added",
    "average-pool": "spreads the signal evenly over its window; where windows overlap, their signals are added",
    "global-average-pool": "spreads the signal evenly over the map",
    "batch-norm": "multiplies each channel by its scale over the running deviation, as it did on the way up; mean and "
    "shift are left out",
    "scale": "multiplies each channel by its factor; the shift is left out",
    "local-response-norm": _DERIVATIVE,
    "concatenate": "gives every branch the channels that came from it",
    "add": "gives the whole signal to each of the layers that it adds",
    "multiply": "gives each factor the signal times the other factor",
    "subsample": "puts the signal where it was taken from, and 0 beside it",
    "upsample": "adds up the signal of the pixels that a place was enlarged to",
    "flatten": "gives the signal its volume back",
    "dropout": "lets the signal pass",
}


def way_back(network: Network, node: str, rule: str = "deconvnet") -> dict[str, str]:
    """Kind of layer -> what a walk back from `node` does there, of the kinds that lie on its way, from the top down.

    Raises UsageError for an unknown node or rule.
    """
    if rule not in RULES:
        raise UsageError(f"unknown backward rule '{rule}'{nearest(rule, RULES)}")
    graph = network.graph
    on_the_way = graph.ancestors(graph[node].name)
    said: dict[str, str] = {}
    for each in reversed(graph.nodes):
        kind = each.layer.kind
        if each.name in on_the_way:
            said[kind] = _said_of(each.layer, rule)
    return said


def _said_of(layer: Layer, rule: str) -> str:
    if isinstance(layer, (ReLU6, Clip)):
        return _CLIPS["standard" if layer.bounds[0] < 0 else rule]
    if isinstance(layer, (ReLU, PReLU, LeakyReLU, ELU)):
        return _RECTIFIERS[rule]
    return _ALWAYS.get(layer.kind, _DERIVATIVE)
