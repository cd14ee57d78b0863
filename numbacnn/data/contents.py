"""Contents: the parts of a data set, as importers return them and storage writes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .dataset import Split
from .splitting import stratified


@dataclass(frozen=True, eq=False)
class Contents:
    """Splits, whose pictures may be read only when they are asked for, and what is known of them."""

    name: str
    splits: dict[str, Split]
    class_names: tuple[str, ...]
    source: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    """What the user should know of how it was read."""
    pixel_range: tuple[float, float] | None = None
    """The source's values of black and white; None where files of pictures say it themselves."""

    def with_part(self, part: str, fraction: float, seed: int) -> Contents:
        """With `fraction` of the training pictures, each class in proportion, as the split `part`.

        Raises UsageError or DataError.
        """
        train = self.splits["train"]
        rest, taken = stratified(train.labels, fraction, seed)
        return replace(self, splits={**self.splits, "train": train.subset(rest), part: train.subset(taken)})
