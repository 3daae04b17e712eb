"""Events that many open pages hear of: how late, and for how much processor time."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from itertools import count

from bench.children import Part
from bench.figures import percentile
from bench.http import fetch_json, request_bytes
from bench.parts import BOT_NAME, Parts
from bench.plan import Plan
from bench.processes import cpu_s
from bench.report import Row, Target, at_most

SETTLE_S = 0.5
IDLE_S = 3.0
QUICK_IDLE_S = 1.0
_CHANGE = request_bytes("POST", "/bench/health", body={})
_HEALTH = request_bytes("GET", "/bench/health")
_numbers = count(1)

Happen = Callable[[], Awaitable[list[float]]]
"""Has one event happen: how late, in seconds, each page heard of it."""


async def event_rows(parts: Parts, plan: Plan, *, product: Part, bot: Part, token: str) -> list[Row]:
    """The bot changes, which is the same for every page; and the person of all these pages says something.

    The first is late from the moment the bot told its health check, the second from the moment the request was sent.
    """

    async def bot_changes() -> list[float]:
        event = await parts.generator.event(bot.port, _CHANGE, marker='"chat_bots"')
        requested_at = (await fetch_json(bot.port, _HEALTH))["told_at"]
        return [at - requested_at for at in event.arrivals]

    async def message_comes() -> list[float]:
        content = f"message-{next(_numbers)}-of-the-bench"
        request = request_bytes("POST", "/api/chat", body={"content": content, "bot_name": BOT_NAME}, token=token)
        event = await parts.generator.event(product.port, request, marker=content)
        await asyncio.sleep(SETTLE_S)  # its answer is an event too, and has to be over
        return [at - event.sent_at for at in event.arrivals]

    idle_s, used_s = (QUICK_IDLE_S if plan.is_quick else IDLE_S), cpu_s(product.pid)
    await asyncio.sleep(idle_s)
    idle = (cpu_s(product.pid) - used_s) / idle_s
    times = 2 if plan.is_quick else 10  # even: at the end the bot is well again
    return [
        *await _measured(
            parts, plan, product, bot_changes, name="a bot's change", times=times, idle=idle, latest=at_most(100)
        ),
        *await _measured(parts, plan, product, message_comes, name="a message", times=times, idle=idle),
    ]


async def _measured(
    parts: Parts,
    plan: Plan,
    product: Part,
    happen: Happen,
    *,
    name: str,
    times: int,
    idle: float,
    latest: Target | None = None,
) -> list[Row]:
    """``idle``: the processor seconds a second that the open pages cost anyway; ``latest``: how late it may come."""
    loop = asyncio.get_running_loop()
    began, used_s, frames = loop.time(), cpu_s(product.pid), await parts.generator.events()
    p99_ms = [percentile(await happen(), 0.99) * 1000 for _ in range(times)]
    await asyncio.sleep(SETTLE_S)
    used_s = cpu_s(product.pid) - used_s - idle * (loop.time() - began)
    frames = await parts.generator.events() - frames
    each_ms = max(0.0, used_s) * 1000 / frames
    label = f"{name} to {plan.event_pages} open pages"
    each = f"{frames / times / plan.event_pages:.1f} frames a page"
    return [
        Row(
            scenario="pages",
            name=f"{label}, p99",
            value=statistics.median(p99_ms),
            unit="ms",
            target=latest,
            note=f"the median of {times}; the worst {max(p99_ms):.0f} ms",
        ),
        Row(scenario="pages", name=f"{label}, CPU a frame", value=each_ms, unit="ms", target=at_most(0.2), note=each),
    ]
