"""Settings that concern the pictures to learn from, or single layers: which ones begin with other values, stay as they are, or learn at a rate of their own."""

from __future__ import annotations

from ..data import Dataset, Split
from ..network import Network
from .settings import Settings
from .whitening import first_convolution, whiten


def learned_from(dataset: Dataset, settings: Settings) -> Dataset:
    """The data set with what settings leave of its training split, or add to it."""
    if not settings.validate:
        dataset = dataset.with_validation_learned()
    return dataset.with_few_learned(settings.per_class, settings.seed) if settings.per_class else dataset


def arrange(network: Network, split: Split, settings: Settings, *, first: bool) -> None:
    """Prepares the parameters of a network for a training on a split; `first`: it begins, and does not go on.

    Programs and optimizers are to be made afterwards. Raises UsageError for settings that do not fit the network.
    """
    graph = network.graph
    if first and settings.whiten:
        whiten(network, split, settings.whiten)
    norms = [node.name for node in graph.nodes if node.layer.kind == "batch-norm"]
    if first and settings.norm_rate != 1 and norms:
        graph.set_rate(settings.norm_rate, nodes=norms)
    if settings.whiten and settings.whiten_bias_epochs:
        bias = f"{first_convolution(graph).name}/bias"
        if bias in graph.parameters:
            graph.stop_learning(settings.whiten_bias_epochs, bias)
