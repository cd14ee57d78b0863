"""Every kernel compiles for the oldest and the newest of the generations of GPUs that are tried, and takes no more of them
than is written beside it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict

import pytest
from runs import needs_compiler

needs_compiler()

import kernel_report
from kernels import nvidia
from kernels.launches import launches
from kernels.machine_code import MachineCode, _instructions
from kernels.report import Row, budgets, complaints, outermost, pending_rows, taken

from numbacnn.ops.cuda.budget import Budget

LAUNCHES = launches()
BUDGETS = budgets()


SELDOM = (
    r"_128x(16|32|96)(_tf32|_bf16)?$|_128x128_(tf32|wgmma)|_wgmma_tf32$|^winograd\.(\w+_2_[35]|\w+_\d+x\d+)$"
)
"""Kernels that are seldom taken beside their like, or differ from it in one constant: products in tiles of few columns, those on tensor
cores in one precision and tile of two, those of Winograd's numbers, and his transforms for tiles of 2x2 outputs.
"""
OLDEST, NEWEST = 0, -1
"""Of the generations that have what a kernel needs."""


@pytest.fixture(scope="module")
def rows(request):
    """The rows of the kernels whose tests will run, by name and generation."""
    asked = defaultdict(set)
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.path == request.path and "generation" in parameters:
            asked[parameters["generation"]].add(parameters["kernel"])
    found = defaultdict(list)
    for generation, kernels in asked.items():
        ways = {name: LAUNCHES[name] for name in sorted(kernels)}
        for name, row in pending_rows(ways, lambda name, which=generation: [outermost(name)[which]]):
            found[name, generation].append(row)
    return found


@pytest.mark.parametrize(
    "generation",
    [pytest.param(NEWEST, id="newest"), pytest.param(OLDEST, id="oldest", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize(
    "kernel",
    [
        pytest.param(kernel, marks=[pytest.mark.slow] if re.search(SELDOM, kernel) else [])
        for kernel in LAUNCHES
    ],
)
def test_kernel_keeps_to_its_budget(kernel, generation, rows):
    assert LAUNCHES[kernel], "no op launches it"
    made = [row for pending in rows[kernel, generation] for row in pending()]
    assert len(made) == len(LAUNCHES[kernel])
    assert kernel in BUDGETS, (
        f"no budget for {kernel}, which takes {taken(made)}: write one into BUDGETS of its file"
    )
    found = [complaint for row in made for complaint in complaints(row, BUDGETS[kernel])]
    assert not found, "\n".join(found)


def test_every_budget_is_some_kernels():
    assert not set(BUDGETS) - set(LAUNCHES)


def test_a_kernel_that_takes_too_much_is_told_so():
    code = MachineCode(40, 1024, 8, ("FADD", "DFMA", "F2F.F64.F32", "MUFU.RCP64H"), ("FFMA", "LDS.128"))
    row = Row("products.some", "", (8, 0), code)
    assert complaints(row, Budget(39, 1000, 0.6, 0.1)) == [
        "products.some for 8.0: 40 registers, 39 at most",
        "products.some for 8.0: 1024 bytes of shared memory, 1000 at most",
        "products.some for 8.0: 0.500 of the longest loop is FFMA, 0.6 at least",
        "products.some for 8.0: 0.000 of the longest loop is HMMA, 0.1 at least",
        "products.some for 8.0: 8 bytes spilt from registers, or of a local array in memory",
        "products.some for 8.0: 3 instructions on float64",
    ]
    assert not complaints(row, Budget(40, 1024, 0.5))[:-2]
    assert taken([row]) == Budget(40, 1024, 0.5)


def test_the_longest_loop_is_one_that_holds_no_other():
    listing = """
        /*0000*/              @!P0 BRA `(.L_x_3) ;
.L_x_0:
        /*0010*/                   MOV R1, RZ ;
.L_x_1:
        /*0020*/                   FFMA R8, R26, R8, R21 ;
        /*0030*/              @P1 BRA `(.L_x_1) ;
        /*0040*/                   NOP;
.L_x_2:
        /*0050*/                   LDS.128 R8, [R18] ;
        /*0060*/              @!PT BRA `(.L_x_2) ;
        /*0070*/                   FFMA.FTZ R8, R26, R8, R21 ;
        /*0080*/              @UP1 BRA.U `(.L_x_2) ;
        /*0090*/              @P0 BRA `(.L_x_0) ;
.L_x_3:
        /*00a0*/                   EXIT ;
.L_x_4:
        /*00b0*/                   BRA `(.L_x_4);
"""
    opcodes, loop = _instructions(listing)
    assert len(opcodes) == 11
    assert loop == ["LDS.128", "BRA", "FFMA.FTZ", "BRA.U"]


def report(monkeypatch, capsys, *arguments):
    """(stdout, what the program ended with) of the table of kernels."""
    monkeypatch.setattr(sys, "argv", ["kernel_report.py", *arguments])
    try:
        kernel_report.main()
        message = None
    except SystemExit as ended:
        message = ended.code
    return capsys.readouterr().out, message


def test_the_report_gives_every_number(monkeypatch, capsys):
    out, message = report(monkeypatch, capsys, "joins.add_m", "--capability", "8.6", "--json")
    assert message is None
    (kernel,) = json.loads(out)["kernels"]
    assert kernel["name"] == "joins.add_masked"
    assert kernel["compute_capability"] == "8.6"
    assert 0 < kernel["registers"] < 40
    assert kernel["shared_bytes"] == kernel["spill_bytes"] == kernel["float64_instructions"] == 0
    assert kernel["ffma_share"] == kernel["hmma_share"] == 0
    out, _ = report(monkeypatch, capsys, "joins.add_m", "--capability", "8.6")
    assert ["joins.add_masked", "8.6", str(kernel["registers"])] == out.split("\n")[1].split()[:3]


def test_the_report_names_what_is_wrong(monkeypatch, capsys):
    assert "no kernel's name holds nothing: activations." in report(monkeypatch, capsys, "nothing")[1]
    _, message = report(monkeypatch, capsys, "joins.add_m", "--capability", "1.0")
    assert "joins.add_masked (array(float32, 1d, C)" in message
    assert "for compute capability 1.0:" in message
    nvidia.find.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [])
    assert "cuobjdump is not installed: pip install nvidia-cuda-cuobjdump" in report(monkeypatch, capsys)[1]
