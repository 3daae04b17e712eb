"""In CI nothing is skipped: a test that did not run proves nothing, so there it counts as failed.

A pytest plugin; ``tests/conftest.py`` registers it. It acts only when ``CI`` is ``true``.
"""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped or xfailed test into a failed one."""
    report = yield
    if os.environ.get("CI") == "true" and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not accept: {report.longrepr}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    return report
