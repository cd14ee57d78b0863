"""What a report is about, and what all of its sections share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..opening import OpenedModel
from ..output import Output

if TYPE_CHECKING:
    from numbacnn import Dataset, Network, Split
    from numbacnn.analysis import Answers

AT_A_TIME = 128


@dataclass
class Subject:
    """A model, the run's folder it lies in (if it is one), and pictures to look at it with (None: there are none)."""

    opened: OpenedModel
    dataset: Dataset | None
    split: str
    out: Output

    @property
    def network(self) -> Network:
        return self.opened.network

    @property
    def record(self) -> dict[str, Any]:
        return self.opened.record

    @property
    def run(self) -> Path | None:
        folder = self.opened.path.parent
        return folder if (folder / "config.toml").is_file() else None

    @property
    def name(self) -> str:
        """What the network is called."""
        named = self.record.get("network")
        return str(named) if isinstance(named, str) and named else self.opened.path.stem

    @property
    def class_names(self) -> tuple[str, ...]:
        from numbacnn.data.classes import short_name

        return tuple(map(short_name, self.network.class_names))

    @property
    def pictures(self) -> Split | None:
        return None if self.dataset is None else self.dataset.split(self.split)

    @property
    def labelled(self) -> bool:
        return self.pictures is not None and len(self.pictures) > 0 and int(self.pictures.labels.min()) >= 0

    @cached_property
    def answers(self) -> Answers | None:
        """What the network says of every picture; None where the true classes are not known."""
        from numbacnn.analysis import answers

        if self.pictures is None or not self.labelled:
            return None
        batches = -(-len(self.pictures) // AT_A_TIME)
        return answers(
            self.network, self.out.progress(self.pictures.batches(AT_A_TIME), "errors by class", batches)
        )

    def spread(self, count: int) -> list[int]:
        """Indices of so many pictures, at even distances."""
        assert self.pictures is not None
        size = len(self.pictures)
        return [place * size // min(count, size) for place in range(min(count, size))]
