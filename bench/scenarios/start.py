"""From the command to the first page, with the embedded servers and data that are there already."""

import statistics
import sys
import time

from bench.children import free_ports, running
from bench.http import HOST, fetch, request_bytes
from bench.parts import Parts
from bench.plan import Plan
from bench.report import Row, at_most

NAME = "start"
_PAGE = request_bytes("GET", "/")


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """The first start makes the database; the warm ones find it."""
    cold_s = await _start_s(parts)
    warm_s = [await _start_s(parts) for _ in range(1 if plan.is_quick else 3)]
    return [
        Row(scenario=NAME, name="cold start to first page", value=cold_s, unit="s"),
        Row(
            scenario=NAME,
            name="warm start to first page",
            value=statistics.median(warm_s),
            unit="s",
            target=at_most(4),
        ),
    ]


async def _start_s(parts: Parts) -> float:
    port = free_ports(1)[0]
    env = {
        "WEB_UI_HOST": HOST,
        "WEB_UI_PORT": str(port),
        "WEB_UI_STATE_DIR": str(parts.folder / NAME),
        "BOTS_ENV_DIR": str(parts.folder),
        "LOG_LEVEL": "WARNING",
    }
    began = time.perf_counter()
    command = [sys.executable, "-m", "console.cli", "serve"]
    async with running(command, port=port, log=parts.folder / f"{port}.log", env=env):
        await fetch(port, _PAGE)
        return time.perf_counter() - began
