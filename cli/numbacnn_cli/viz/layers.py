"""numbacnn viz layers: what excites each unit of a layer, or of several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import data_fact, joined
from ..figure_options import FIGURE, FigureOptions, Numbers
from ..opening import OpenedModel, open_data, open_model
from ..options import CPU, Compute, Data, Model, Out, Ranges, SplitName, Units, expand
from ..pictures import fits_a_figure
from .convolutions import convolutions
from .scans import scanned

if TYPE_CHECKING:
    from numbacnn import Dataset, Network
    from numbacnn.analysis import Strongest, UnitPatches
    from numbacnn.figures import Drawing

    from ..output import Output

UNITS_SHOWN = 16
UNITS_TOGETHER = 8
"""Units of each layer in a figure of several."""
UNITS_HELP = (
    "Units of the layer: 0-15, or 3,7,9. Left out: 16 of those that are active in any picture, see --choose."
)
MAX_UNITS = 128
"""In one figure: what still has all its dots in a picture that viewers open."""
MAX_LAYERS = 200

Choice = Literal["first", "selective"]
Rule = Literal["deconvnet", "guided", "standard"]


def layers(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    layer: str | None = None,
    units: Annotated[Units, Parameter(help=UNITS_HELP)] = None,
    choose: Choice = "first",
    rule: Rule = "deconvnet",
    rescan: Annotated[bool, Parameter(negative="")] = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Show what excites each unit of a layer: its nine strongest activations, walked back to pixels.

    Beside each reconstruction is the part of the picture that caused it, cut to the unit's receptive field
    (Zeiler and Fergus, 2013). Of several layers there is a page a layer, and a figure of all together. The pictures are looked
    at once for all layers; what was found is kept in the cache, and used again with the same model and pictures.

    JSON: `figure`, `data_file`, `figures[]` (all that were written), `model`, `data`, `split`, `images` (how many were looked at), `rule`,
    `scan` (the file that the strongest activations are kept in), `scan_used_again`, and `layers[]` with `.layer`, `.figure`,
    `.dead` (units that no picture excites), `.way_back` (what the walk back does at each kind of layer: pools, batch norm, …)
    and `.units[]` with `.unit`, `.active` (share of the pictures), and of each of its strongest activations `.activations`,
    `.images` (index), `.labels`, `.rows`, `.columns`, `.boxes` (top, left, bottom, right in pixels). `layer` and `units` are
    those of the last layer.

    Parameters
    ----------
    layer
        Name of a layer, or of several (conv1,conv3), or all; left out, the last convolution. A convolution stands for the activation after it.
    choose
        Which units are shown where --units is left out: the first that are active, or those that answer to few pictures and strongly (selective).
    rule
        How rectifiers pass the signal back.
    rescan
        Look at the pictures again, whatever is kept of an earlier scan.
    """
    from numbacnn.figures import LayerUnits, layers_page

    target = figure.target(out, reads=[model])
    opened = open_model(model, out, compute)
    network = opened.network
    names = _layers(network, layer)
    wanted = {name: None if units is None else units_of(network, name, units) for name in names}
    dataset = open_data(data, opened, out, needs_classes=False)
    several = len(names) > 1
    target.name("layers" if several else f"layers-{names[0]}")
    found = scanned(opened, dataset, split, names, compute.precision, out, again=rescan)
    page = _Page(opened, dataset, split, rule, choose, out)
    results, sections, written = [], [], {}
    for name in out.progress(names, "walking back", len(names)) if several else names:
        shown, result, numbers = page.draw(name, found.layers[name], wanted[name])
        drawing, title = page.drawing(name, shown, result)
        if several:
            result["figure"] = target.beside(drawing, name, numbers, say=title)
        else:
            written = target.save(drawing, numbers, say=title)
            result["figure"] = target.path
        results.append(result)
        sections.append(
            LayerUnits(page.heading(name, shown), shown[: UNITS_TOGETHER if len(names) <= 6 else 4])
        )
    images = len(dataset.split(split))
    if several:
        title = (
            f"What excites units of {len(names)} layers: their strongest activations in {images:,} pictures"
        )
        made = joined(opened.fact, data_fact(dataset, split), f"rule {rule}", "one place a picture")
        written = target.save(layers_page(sections, title, provenance=made), {}, say=title)
    return {
        **written,
        "figures": list(dict.fromkeys([target.path, *(result["figure"] for result in results)])),
        "model": opened.path,
        "data": dataset.name,
        "split": split,
        "images": images,
        "rule": rule,
        "scan": found.path,
        "scan_used_again": found.used_again,
        "layers": results,
        "layer": results[-1]["layer"],
        "units": results[-1]["units"],
    }


class _Page:
    """Draws the page of a layer."""

    def __init__(
        self, opened: OpenedModel, dataset: Dataset, split: str, rule: Rule, choose: Choice, out: Output
    ) -> None:
        self._opened, self._dataset, self._split = opened, dataset, split
        self._rule, self._choose, self._out = rule, choose, out
        self._which = ""
        """Who chose the units of the last page."""

    def draw(
        self, name: str, all_of_them: Strongest, wanted: list[int] | None
    ) -> tuple[list[UnitPatches], dict[str, Any], Numbers]:
        """Walks the units back; what is shown, the entry in `layers[]`, and the numbers for --save-data."""
        from numbacnn.analysis import unit_patches, way_back

        network, part = self._opened.network, self._dataset.split(self._split)
        winners, dead, self._which = self._chosen(name, all_of_them, wanted)
        found = list(unit_patches(network, part.read, winners, rule=self._rule))
        names = self._dataset.class_names
        classes = [[names[label] for label in part.labels[entry.images] if label >= 0] for entry in found]
        entries = zip(found, classes, winners.active.tolist(), strict=True)
        result = {
            "layer": winners.node,
            "dead": dead,
            "way_back": way_back(network, winners.node, self._rule),
            "units": [
                {
                    "unit": entry.unit,
                    "active": active,
                    "activations": entry.activations,
                    "images": entry.images,
                    "labels": labels or None,
                    "rows": entry.rows,
                    "columns": entry.columns,
                    "boxes": [list(box) for box in entry.boxes],
                }
                for entry, labels, active in entries
            ],
        }
        numbers = {
            "units": ([entry.unit for entry in found], f"units of {winners.node}"),
            "activations": (winners.values, "of each unit the strongest activations: units, rank"),
            "images": (winners.images, f"index in {self._split} of their pictures: units, rank"),
            "boxes": (
                [entry.boxes for entry in found],
                "receptive fields: units, rank, (top, left, bottom, right) in pixels",
            ),
            "patches": (
                [entry.patches for entry in found],
                "the pictures there: units, rank, rows, columns, colours",
            ),
            "reconstructions": (
                [entry.reconstructions for entry in found],
                f"walked back by rule {self._rule}: units, rank, rows, columns, colours",
            ),
        }
        return found, result, numbers

    def drawing(self, name: str, found: list[UnitPatches], result: dict[str, Any]) -> tuple[Drawing, str]:
        """The page, and its title."""
        from numbacnn.data.classes import short_name
        from numbacnn.figures import layer_units

        count = len(self._dataset.split(self._split))
        title = f"{self.heading(name, found)}: {len(found)} units, their strongest activations in {count:,} pictures"
        labels = [entry["labels"] for entry in result["units"]]
        captions = [list(map(short_name, own)) for own in labels] if all(labels) else []
        made = joined(
            self._opened.fact,
            data_fact(self._dataset, self._split),
            f"{result['layer']}: rule {self._rule}",
            self._which,
            "the nine pictures with the largest activations, one place each",
        )
        return layer_units(found, title=title, classes=captions, provenance=made), title

    def heading(self, name: str, found: list[UnitPatches]) -> str:
        """The layer, and how much of a picture its units see."""
        height, width = found[0].patches[0].shape[:2]
        whole = (height, width) == self._opened.network.input_shape[:2]
        return f"{name}, {'the whole picture' if whole else f'{height}x{width} pixels'}"

    def _chosen(
        self, name: str, all_of_them: Strongest, wanted: list[int] | None
    ) -> tuple[Strongest, list[int], str]:
        """The units to show, the dead ones of the layer, and a sentence on who chose them."""
        import numpy as np

        awake = all_of_them.values[:, 0] > 0
        dead: list[int] = all_of_them.units[~awake].tolist()
        if wanted is not None:
            self._say_dead(name, [unit for unit in wanted if not awake[unit]], left_out=False)
            return all_of_them.take(wanted), dead, "units as asked for"
        places = np.flatnonzero(awake) if awake.any() else np.arange(len(awake))
        self._say_dead(name, dead, left_out=bool(awake.any()))
        if self._choose == "selective":
            order = np.argsort(-all_of_them.selectivity[places], kind="stable")
            places = places[order][:UNITS_SHOWN]
            which = f"the {len(places)} units whose strongest activations stand out most among all pictures"
        else:
            places = places[:UNITS_SHOWN]
            which = f"the first {len(places)} units that are active"
        return all_of_them.take(places), dead, which

    def _say_dead(self, name: str, units: list[int], *, left_out: bool) -> None:
        if not units:
            return
        listed = ", ".join(map(str, units[:10])) + (", …" if len(units) > 10 else "")
        noun = "unit" if len(units) == 1 else "units"
        left = ", left out" if left_out else ""
        self._out.note(f"{name}: {len(units)} {noun} active in no picture{left}: {listed}")


def _layers(network: Network, given: str | None) -> list[str]:
    """The layers of --layer. Raises UsageError for one that is not there, or for too many."""
    from numbacnn.analysis import layers_with_units

    if given is None:
        return convolutions(network)[-1:]
    if given == "all" and "all" not in network.graph.shapes:
        names = layers_with_units(network)
    elif given in network.graph.shapes:  # a name may have a comma in it
        names = [given]
    else:
        names = list(dict.fromkeys(_parts(given)))
        for name in names:
            _ = network.graph[name]
    fits_a_figure(len(names), "layers", MAX_LAYERS)
    return names


def _parts(given: str) -> Iterator[str]:
    return (part.strip() for part in given.split(","))


def units_of(network: Network, name: str, units: Ranges) -> list[int]:
    """The units of --units. Raises UsageError for one that the layer lacks, or for too many."""
    from numbacnn.analysis import activation_of

    size = network.graph.shapes[activation_of(network, name)][-1]
    wanted = expand(units, size, "--units", f"layer '{name}'")
    fits_a_figure(len(wanted), "units", MAX_UNITS)
    return wanted
