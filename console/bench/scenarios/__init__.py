"""What is measured, in the order in which it runs. A scenario takes the parts and the plan, and gives rows."""

from collections.abc import Awaitable, Callable

from console.bench.parts import Parts
from console.bench.plan import Plan
from console.bench.report import Row
from console.bench.scenarios import rest, websocket

Scenario = Callable[[Parts, Plan], Awaitable[list[Row]]]

SCENARIOS: dict[str, Scenario] = {module.NAME: module.measure for module in (rest, websocket)}
