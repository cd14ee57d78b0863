"""How near to the machine's peak the products come."""

from __future__ import annotations

import pytest
from peak import peak_gflops


@pytest.fixture(scope="session")
def peak():
    """GFLOP/s that this machine reaches in a product of large matrices."""
    return peak_gflops()


def pytest_terminal_summary(terminalreporter):
    """The rates beside pytest-benchmark's table of times, which has no room for them."""
    rows = [
        (report.nodeid.partition("[")[2].rstrip("]"), dict(report.user_properties))
        for report in terminalreporter.stats.get("passed", [])
    ]
    rows = [(name, facts) for name, facts in rows if "gflops" in facts]
    if rows:
        terminalreporter.section(
            f"matrix products; the machine's peak is {rows[0][1]['peak_gflops']:.0f} GFLOP/s"
        )
        width = max(len(name) for name, _ in rows)
        for name, facts in rows:
            terminalreporter.write_line(
                f"{name:{width}} {facts['gflops']:8.1f} GFLOP/s {100 * facts['share_of_peak']:6.0f} % of the peak"
            )
