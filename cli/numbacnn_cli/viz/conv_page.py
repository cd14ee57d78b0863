"""The page of `viz conv-demo`: tables of numbers, and a slider that marks what is multiplied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..pages import Section, text

if TYPE_CHECKING:
    from numbacnn.analysis import ConvolutionSteps, Step

SCRIPT = """
const demo = document.getElementById('demo'), steps = JSON.parse(demo.dataset.steps);
const slider = document.getElementById('step'), side = Number(demo.dataset.side);
function show() {
  const now = Number(slider.value), step = steps[now];
  document.getElementById('said').textContent = `Step ${now + 1} of ${steps.length}: ${step.said}`;
  for (const cell of demo.querySelectorAll('td')) {
    const {part, row, column, filter} = cell.dataset, r = Number(row), c = Number(column);
    let on = false;
    if (part === 'volume')
      on = r >= step.top && r < step.top + side && c >= step.left && c < step.left + side;
    else if (part === 'filter') on = Number(filter) === step.filter;
    else {
      const place = steps.findIndex(each =>
        each.filter === Number(filter) && each.row === r && each.column === c);
      cell.textContent = place <= now ? steps[place].value : '';
      on = place === now;
    }
    cell.classList.toggle(part === 'output' ? 'made' : 'used', on);
  }
}
slider.addEventListener('input', show);
show();
"""
STYLE = """
#demo { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
#demo td { width: 2rem; height: 2rem; padding: 0; text-align: center; vertical-align: middle; border: 1px solid #bbb; }
#demo td.edge { background: #eee; } #demo td.used { background: #cfe5f3; } #demo td.made { background: #f7d9c8; }
#demo table { margin-bottom: .8rem; } #step { width: 100%; max-width: 40rem; }
"""


def section(demo: ConvolutionSteps, steps: list[Step]) -> Section:
    """The volume, the filters and the output as tables, and the slider."""
    facts = [
        {**step._asdict(), "said": f"o[{step.row}, {step.column}, {step.filter}] = {step.formula}"}
        for step in steps
    ]
    tall, wide, channels = demo.padded.shape
    filters = demo.weights.shape[3]

    def edge(row: int, column: int) -> bool:
        low = demo.padding
        return not (low <= row < tall - low and low <= column < wide - low)

    volume = "".join(
        _table(f"x[:, :, {channel}]", "volume", demo.padded[..., channel], 0, edge)
        for channel in range(channels)
    )
    columns = [f"<div><h3>Volume</h3>{volume}</div>"]
    for number in range(filters):
        tables = "".join(
            _table(f"w{number}[:, :, {channel}]", "filter", demo.weights[:, :, channel, number], number)
            for channel in range(channels)
        )
        columns.append(f"<div><h3>Filter {number}, bias {demo.bias[number]}</h3>{tables}</div>")
    outputs = "".join(
        _table(f"o[:, :, {number}]", "output", demo.output[..., number], number) for number in range(filters)
    )
    columns.append(f"<div><h3>Output</h3>{outputs}</div>")
    slider = (
        f'<p><label for="step">Step</label> <input id="step" type="range" min="0" max="{len(steps) - 1}" value="0"></p>'
        '<p id="said" aria-live="polite"></p>'
    )
    data = text(json.dumps(facts))
    tables = (
        f'<div id="demo" data-side="{demo.weights.shape[0]}" data-steps="{data}">{"".join(columns)}</div>'
    )
    return Section("Step by step", "steps", [slider, tables])


def _table(caption: str, part: str, values: Any, filter: int, edge: Any = None) -> str:
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td data-part="{part}" data-row="{row}" data-column="{column}" data-filter="{filter}"'
            f"{' class=edge' if edge is not None and edge(row, column) else ''}>{value}</td>"
            for column, value in enumerate(line)
        )
        + "</tr>"
        for row, line in enumerate(values)
    )
    return f"<table><caption>{text(caption)}</caption><tbody>{rows}</tbody></table>"
