"""What is measured, in the order in which it runs. A scenario takes the parts and the plan, and gives rows."""

from collections.abc import Awaitable, Callable

from bench.parts import Parts
from bench.plan import Plan
from bench.report import Row
from bench.scenarios import (
    client,
    fleet,
    gateway,
    history,
    pages,
    processes,
    rest,
    single,
    slow_bot,
    sockets,
    start,
    websocket,
)

Scenario = Callable[[Parts, Plan], Awaitable[list[Row]]]

_MODULES = (rest, gateway, client, slow_bot, single, websocket, sockets, pages, history, fleet, start, processes)
SCENARIOS: dict[str, Scenario] = {module.NAME: module.measure for module in _MODULES}
