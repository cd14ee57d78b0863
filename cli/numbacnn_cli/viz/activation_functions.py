"""numbacnn viz activation-functions: each non-linearity with its derivative."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ..figure_options import FIGURE, FigureOptions
from ..options import Out

POINTS = 601


def activation_functions(
    *,
    reach: Annotated[float, Parameter(name="--range")] = 6.0,
    figure: FigureOptions = FIGURE,
    out: Out,
) -> dict[str, Any]:
    """Draw each non-linear activation with its derivative, grey where it passes next to no gradient.

    The lecture's quiz is answered below each: the gradient at -10, 0 and 10. A sigmoid passes none at -10 and 10, it
    saturates; a rectifier passes all of it at 10, and none at -10.

    JSON: `figure`, `data_file`, `functions[]` with `.kind`, `.formula`, `.saturates`, and `.derivatives`, those at -10, 0 and 10.

    Parameters
    ----------
    reach
        How far the curves are drawn on both sides of 0.
    """
    import numpy as np

    from numbacnn.analysis import QUIZ, activation_curves
    from numbacnn.errors import UsageError
    from numbacnn.figures import activation_functions as drawn

    if not 0.1 <= reach <= 1000:
        raise UsageError(f"--range {reach:g}: a number from 0.1 to 1000 is expected")
    target = figure.target(out, "activation-functions")
    x = np.linspace(-reach, reach, POINTS)
    curves = activation_curves(x)
    out.table(
        ["function", *(f"f'({place:g})" for place in QUIZ), ""],
        [[curve.kind, *(f"{value:.3g}" for value in curve.quiz), curve.saturates] for curve in curves],
    )
    title = "Non-linear activations: where does a gradient pass?"
    made = (
        f"computed by the layers themselves; grey: the derivative is below 5 % of its largest in ±{reach:g}"
    )
    numbers: dict[str, tuple[Any, str]] = {"x": (x, "where the curves are asked")}
    for curve in curves:
        numbers[f"{curve.kind}/values"] = (curve.y, f"f(x) = {curve.formula}")
        numbers[f"{curve.kind}/derivative"] = (curve.slope, "f'(x)")
    saved = target.save(drawn(curves, QUIZ, title, provenance=made), numbers, say=f"{len(curves)} functions")
    return {
        **saved,
        "functions": [
            {
                "kind": curve.kind,
                "formula": curve.formula,
                "saturates": curve.saturates,
                "derivatives": curve.quiz,
            }
            for curve in curves
        ],
    }
