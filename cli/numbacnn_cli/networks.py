"""numbacnn networks: the networks that have names."""

from __future__ import annotations

from typing import Any

from .options import Out
from .tables import Column


def networks(*, out: Out) -> dict[str, Any]:
    """List the networks that have names: how large they are, what they cost, how well they do.

    Parameters and multiply-adds are those of a picture of the size that the network was made for, and of all its heads in
    training. Errors are published ones, of one network on ILSVRC-2012's validation pictures.

    JSON: `networks[]` with `.name`, `.year`, `.paper`, `.input` ([H, W, C]), `.classes`, `.parameters`, `.multiply_adds`, `.top5_error`
    (percent) and `.source` of the error, both null where there is none.
    """
    from numbacnn.architectures import ARCHITECTURES
    from numbacnn.published import FACTS
    from numbacnn.summary import summarise

    rows: list[dict[str, Any]] = []
    for name, made in ARCHITECTURES.items():
        costs, facts = summarise(made.graph()), FACTS[name]
        rows.append(
            {
                "name": name,
                "year": facts.year,
                "paper": facts.paper,
                "input": list(made.input_shape),
                "classes": made.classes,
                "parameters": costs.parameters,
                "multiply_adds": costs.multiply_adds,
                "top5_error": facts.top5_error,
                "source": facts.source or None,
            }
        )
    out.columns(_columns(rows))
    out.say(
        "'numbacnn summary NAME' shows the layers of one, 'numbacnn train --network NAME' trains it; most of them take "
        "pictures of 32x32 too"
    )
    return {"networks": rows}


def _columns(rows: list[dict[str, Any]]) -> list[Column]:
    def numbers(header: str, cells: list[str], importance: int) -> Column:
        return Column(header, cells, numbers=True, importance=importance)

    def million(count: int) -> str:
        return f"{count / 1e6:,.1f} M" if count >= 1e6 else f"{count / 1e3:,.0f} K"

    errors = ["" if row["top5_error"] is None else f"{row['top5_error']} %" for row in rows]
    return [
        Column("network", [row["name"] for row in rows], folds=False),
        numbers("year", [str(row["year"]) for row in rows], 3),
        numbers("input", ["x".join(map(str, row["input"])) for row in rows], 2),
        numbers("classes", [f"{row['classes']:,}" for row in rows], 6),
        numbers("parameters", [f"{row['parameters']:,}" for row in rows], 0),
        numbers("multiply-adds", [million(row["multiply_adds"]) for row in rows], 1),
        numbers("top-5 error", errors, 4),
        Column("measured by", [row["source"] or "" for row in rows], importance=5),
    ]
