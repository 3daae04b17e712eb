"""The command: start what is needed in a temporary folder, measure, print, end everything."""

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.parts import parts
from bench.plan import Plan
from bench.report import Report
from bench.scenarios import SCENARIOS
from chat_api.core.errors import InvalidInput
from chat_api.core.logging import configure_logging
from console.terminal import complain, say

STANDARD_OUTPUT = "-"


async def run_bench(plan: Plan, *, only: Sequence[str], json_to: str | None) -> None:
    """Measure the scenarios named in ``only`` (else all), and print them; missed targets are no failure.

    ``json_to``: a file for the JSON, ``-`` to print it instead of the table.
    Raises: InvalidInput for an unknown scenario; Unavailable when something does not start or answers badly.
    """
    names = chosen(only)
    configure_logging(level="WARNING", log_format="console")
    gc.enable()
    _allow_many_sockets()
    rows = []
    with tempfile.TemporaryDirectory(prefix="we-bench-") as folder:
        async with parts(Path(folder)) as started:
            for name in names:
                began = time.monotonic()
                rows += await SCENARIOS[name](started, plan)
                complain(f"{name}: {time.monotonic() - began:.0f} s")
    report = Report(seconds=plan.seconds, is_quick=plan.is_quick, rows=rows)
    if json_to == STANDARD_OUTPUT:
        say(report.as_json())
        return
    if json_to:
        await asyncio.to_thread(Path(json_to).write_text, report.as_json() + "\n")
    say(*report.as_table())


def chosen(only: Iterable[str]) -> list[str]:
    """The scenarios to run, in their own order. Names may also be joined by commas. Raises: InvalidInput."""
    wanted = {name for given in only for name in given.split(",") if name}
    unknown = wanted - SCENARIOS.keys()
    if unknown:
        raise InvalidInput(f"No scenario {', '.join(sorted(unknown))}. There are: {', '.join(SCENARIOS)}.")
    return [name for name in SCENARIOS if not wanted or name in wanted]


def _allow_many_sockets() -> None:
    """Every connection is a file, here and in what we start, which inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
