"""The contents of a data set, which importers return and storage writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .dataset import Split
from .splitting import stratified


@dataclass(frozen=True, eq=False)
class Contents:
    """Splits, whose pictures may be read only when they are used, and the set's name, class names, source and licence."""

    name: str
    splits: dict[str, Split]
    class_names: tuple[str, ...]
    source: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    """Sentences on how the source was read, for the user."""
    pixel_range: tuple[float, float] | None = None
    """The values of black and white in the source; None where picture files define them."""

    def with_part(self, part: str, fraction: float, seed: int) -> Contents:
        """Returns the contents with a split `part` of a fraction of the training pictures, each class in proportion.

        Raises UsageError for a fraction outside (0, 1), DataError if nothing can be taken.
        """
        train = self.splits["train"]
        rest, taken = stratified(train.labels, fraction, seed)
        return replace(self, splits={**self.splits, "train": train.subset(rest), part: train.subset(taken)})
