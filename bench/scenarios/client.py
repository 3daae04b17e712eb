"""What a call of a bot costs: our own HTTP client beside plain aiohttp, with a fast bot and a slow one.

Source: docs/decisions/0002-own-bot-client.md
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import aiohttp
import orjson
import uvloop

from bench.children import Part, free_ports
from bench.http import HOST
from bench.parts import Parts
from bench.plan import Plan
from bench.report import Row
from chat_api.bots.http_pool import HttpPool

NAME = "client"
AT_ONCE = (1, 32, 100)
SLOW_MS = 50.0
MAX_BODY_BYTES = 1_000_000
TIMEOUT_S = 30.0
BODY = orjson.dumps({"user_id": "bench", "message": "Hello"})
JSON = {"Content-Type": "application/json"}

Call = Callable[[], Awaitable[int]]
"""One chat message to the bot, answered whole; gives the status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a number of calls cost."""

    per_second: float
    cpu_us: float


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """CPU time a call, and calls a second, at each number of calls at once; the two clients in turns."""
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        fast = await stack.enter_async_context(parts.bot_on(free_ports(1)))
        slow = await stack.enter_async_context(parts.bot_on(free_ports(1), delay_ms=SLOW_MS))
        for bot_name, bot in (("fast bot", fast), ("slow bot", slow)):
            for at_once in AT_ONCE:
                rows += await _compared(bot, bot_name, at_once, plan)
    return rows


async def _compared(bot: Part, bot_name: str, at_once: int, plan: Plan) -> list[Row]:
    costs: dict[str, list[Cost]] = {"own": [], "aiohttp": []}
    clients = {"own": _own, "aiohttp": _aiohttp}
    for number in range(plan.rounds):
        for name in list(clients)[:: 1 if number % 2 == 0 else -1]:
            # In a separate thread and event loop, so that nothing else in this process is measured.
            run = partial(_run, clients[name], bot.port, at_once, plan.round_s / 2)
            costs[name].append(await asyncio.to_thread(run))
    title = f"{bot_name}, {at_once} at once"
    own_us, other_us = (statistics.median(cost.cpu_us for cost in costs[name]) for name in costs)
    pairs = list(zip(costs["own"], costs["aiohttp"], strict=True))
    return [
        Row(scenario=NAME, name=f"CPU time a call, own client, {title}", value=own_us, unit="us"),
        Row(scenario=NAME, name=f"CPU time a call, aiohttp, {title}", value=other_us, unit="us"),
        Row(
            scenario=NAME,
            name=f"calls a second, own client / aiohttp, {title}",
            value=statistics.median(own.per_second / other.per_second for own, other in pairs),
            unit="x",
        ),
    ]


def _run(client: Callable[[int, int, float], Awaitable[Cost]], port: int, at_once: int, seconds: float) -> Cost:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def run() -> Cost:
            return await client(port, at_once, seconds)

        return runner.run(run())


async def _own(port: int, at_once: int, seconds: float) -> Cost:
    pool, loop = HttpPool(max_idle=at_once, max_body_bytes=MAX_BODY_BYTES), asyncio.get_running_loop()
    url = f"http://{HOST}:{port}/api/chat"

    async def call() -> int:
        reply = await pool.request("POST", url, deadline_at=loop.time() + TIMEOUT_S, content=BODY)
        return reply.status

    try:
        return await _cost(call, at_once, seconds)
    finally:
        await pool.aclose()


async def _aiohttp(port: int, at_once: int, seconds: float) -> Cost:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=at_once)
    url = f"http://{HOST}:{port}/api/chat"
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:

        async def call() -> int:
            async with session.post(url, data=BODY, headers=JSON) as reply:
                await reply.read()
                return reply.status

        return await _cost(call, at_once, seconds)


async def _cost(call: Call, at_once: int, seconds: float) -> Cost:
    await asyncio.gather(*(call() for _ in range(at_once)))  # the connections are there
    count, began, began_cpu = 0, time.perf_counter(), time.thread_time()

    async def caller() -> None:
        nonlocal count
        while time.perf_counter() < began + seconds:
            assert await call() == 200
            count += 1

    await asyncio.gather(*(caller() for _ in range(at_once)))
    passed_s, cpu_s = time.perf_counter() - began, time.thread_time() - began_cpu
    return Cost(per_second=count / passed_s, cpu_us=cpu_s / count * 1e6)
