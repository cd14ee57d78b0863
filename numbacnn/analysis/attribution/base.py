"""Attribution, the base class of all methods: a method writes only how it explains a batch of pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ...errors import need_whole
from ...network import Images, Network
from .passes import Passes


@dataclass(frozen=True)
class Attributed:
    """The maps of a method for N pictures.

    `values` (N,H,W,C) float32, with their signs, one number a pixel and channel, or (N,H,W,1) where the method knows no
    channels; `maps` (N,H,W) float32 is what is drawn and ranked: the sum over the channels for a `signed` method, what
    speaks against the class being negative, else the largest size over the channels. `classes` (N,) are the classes that
    were asked about. `facts` are further numbers of each picture (N,), such as `completeness_error`, by their names.
    """

    values: Any
    maps: Any
    classes: Any
    signed: bool
    facts: dict[str, Any] = field(default_factory=dict)


Explained = tuple[Any, dict[str, Any]]
"""Values (n,H,W,C) or (n,H,W,1) of a batch, and its facts."""


@dataclass(frozen=True)
class Attribution(ABC):
    """Which pixels a class's score depends on, by one method; its fields are the method's options.

    `name` is what the registry calls it, `title` what people call it, `source` who proposed it. The score is that before
    the softmax. Nothing of the network is changed.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    signed: ClassVar[bool] = False
    one_by_one: ClassVar[bool] = False
    """Whether a picture is explained by many passes of its own, which are what a batch holds."""

    @abstractmethod
    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        """Pictures (n,H,W,C), uint8 or floats in [0, 1], and their classes (n,) -> values, and facts."""

    def settled(self, network: Network) -> Attribution:
        """The same with the options as they are for this network, where one was left to the method. Raises as `iterate` does."""
        return self

    def __call__(
        self, network: Network, images: Images, classes: Any = None, *, batch_size: int = 64
    ) -> Attributed:
        """All pictures at once; see `iterate`."""
        parts = list(self.iterate(network, images, classes, batch_size=batch_size))
        return Attributed(
            values=np.concatenate([part.values for part in parts]),
            maps=np.concatenate([part.maps for part in parts]),
            classes=np.concatenate([part.classes for part in parts]),
            signed=self.signed,
            facts={key: np.concatenate([part.facts[key] for part in parts]) for key in parts[0].facts},
        )

    def iterate(
        self, network: Network, images: Images, classes: Any = None, *, batch_size: int = 64
    ) -> Iterator[Attributed]:
        """Yields the maps, a few pictures at a time, in their order; no pass holds more than `batch_size` pictures.

        `classes` is one index or N of them, by default what the network predicts. Raises DataError for a class that does
        not exist, UsageError for an option that does not fit the network; see `Network.as_images` for pictures.
        """
        need_whole("batch size", batch_size)
        self.settled(network)
        images = network.as_images(images)
        chosen = None if classes is None else network.as_labels(classes, len(images))
        passes = Passes(network, batch_size)
        together = 1 if self.one_by_one else batch_size
        for start in range(0, len(images), together):
            now = slice(start, start + together)
            asked = network.predict(images[now], batch_size).argmax(axis=1) if chosen is None else chosen[now]
            values, facts = self.explain(passes, images[now], asked)
            yield Attributed(values, self._maps(values), asked, self.signed, facts)

    def _maps(self, values: Any) -> Any:
        return values.sum(axis=3) if self.signed else np.abs(values).max(axis=3)
