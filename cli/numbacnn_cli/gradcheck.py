"""numbacnn gradcheck: gradients against finite differences."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from .options import Network_, Out
from .summary import Classes, InputShape, find_network

MANY = 5000
"""So many numbers of a small network are checked in some seconds."""


def gradcheck(
    network: Network_,
    /,
    *,
    input_shape: InputShape = None,
    classes: Classes = None,
    samples: Annotated[
        int | None, Parameter(help="Numbers moved an array. Left out: 20, fewer in large networks.")
    ] = None,
    tolerance: float = 1e-6,
    seed: int = 0,
    out: Out,
) -> dict[str, Any]:
    """Compare every layer's gradients with finite differences, in float64.

    Fails if a relative error is above the tolerance. Samples that cross a kink, where there is no derivative, are left
    out and counted. JSON: `layers[]` with `.name`, `.kind`, `.error` (the largest), `.input_error`, `.parameter_errors`,
    `.checked`, `.kinks_skipped`, the last of them the loss of the whole network; and `largest_error`, `tolerance`.

    Parameters
    ----------
    tolerance
        The largest relative error to accept.
    seed
        What the weights of an untrained network, the pictures and the samples are drawn from.
    """
    import dataclasses

    from numbacnn.analysis.gradient_check import WHOLE, iterate_checks, numbers_moved
    from numbacnn.errors import NumbacnnError, UsageError, need_whole

    if not 0 < tolerance < float("inf"):
        raise UsageError(f"--tolerance {tolerance:g}: a number above 0 is expected, 1e-6 say")
    if samples is not None:
        need_whole("--samples", samples)
    need_whole("--seed", seed, 0)
    found = find_network(network, input_shape, classes, initialise="he")
    moved = 0 if samples is None else numbers_moved(found, samples)
    if moved > MANY:
        out.note(
            f"{moved:,} numbers are moved one by one, which may take minutes; fewer --samples are quicker"
        )
    total = len(found.graph.nodes) + 1
    checks = list(out.progress(iterate_checks(found, samples=samples, seed=seed), "checking", total))
    out.table(
        ["layer", "kind", "largest error", "input", "parameters", "checked", "kinks left out"],
        [
            (
                check.name,
                check.kind,
                f"{check.error:.1e}",
                "" if check.input_error is None else f"{check.input_error:.1e}",
                _largest(check.parameter_errors),
                check.checked,
                check.kinks_skipped,
            )
            for check in checks
        ],
        last_to_drop=("largest error",),
    )
    wrong = [check for check in checks if check.error > tolerance]
    if wrong:
        # A wrong layer makes the whole wrong too, and is the one to name.
        blamed = [check for check in wrong if check.name != WHOLE] or wrong
        listed = ", ".join(f"{check.name} {check.error:.1e}" for check in blamed)
        raise NumbacnnError(f"wrong gradient, relative error above {tolerance:g}: {listed}")
    worst = max(checks, key=lambda check: check.error)
    out.say(f"largest relative error {worst.error:.1e} ({worst.name}), within {tolerance:g}")
    return {
        "layers": [dataclasses.asdict(check) | {"error": check.error} for check in checks],
        "largest_error": worst.error,
        "tolerance": tolerance,
    }


def _largest(errors: dict[str, float | None]) -> str:
    """Returns the parameter with the largest error, and the error: `weights 2.2e-10`."""
    known = {name: error for name, error in errors.items() if error is not None}
    if not known:
        return ""
    name = max(known, key=lambda key: known[key])
    return f"{name} {known[name]:.1e}"
