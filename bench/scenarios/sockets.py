"""Many chat WebSockets that are only open: what each costs, and what they cost together while nothing happens."""

import asyncio

from bench.parts import BOT_NAME, Parts
from bench.people import sign_in
from bench.plan import Plan
from bench.processes import cpu_s, memory_bytes
from bench.report import Row, at_least, at_most
from chat_api.core.errors import Unavailable

NAME = "sockets"
USERS = 100
SETTLE_S = 1.0
IDLE_S = 12.0  # longer than any timer of the product but its ping, which then comes to half of the sockets


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """Memory before and after, of a product of its own; processor time while they are open."""
    bot = await parts.bot()
    idle_s = min(IDLE_S, plan.seconds * 2)
    async with parts.product_for({BOT_NAME: bot.port}) as product:
        at_rest = memory_bytes(product.pid)
        tokens = await sign_in(product.port, USERS)
        await parts.generator.idle(product.port, paths_of(tokens, USERS))
        await parts.generator.close()  # what the first ones load stays loaded
        await asyncio.sleep(SETTLE_S)
        before = memory_bytes(product.pid)
        held = await parts.generator.idle(product.port, paths_of(tokens, plan.idle_sockets))
        await asyncio.sleep(SETTLE_S)
        loaded, used_s = memory_bytes(product.pid), cpu_s(product.pid)
        await asyncio.sleep(idle_s)
        idle_percent = (cpu_s(product.pid) - used_s) / idle_s * 100
        if await parts.generator.still_open() != held:
            raise Unavailable(detail="the server closed WebSockets that were only open")
        await parts.generator.close()
    each_kb = (loaded - before) / held / 1024
    return [
        Row(scenario=NAME, name="web process at rest", value=at_rest / 2**20, unit="MB", target=at_most(150)),
        Row(scenario=NAME, name=f"{held:,} idle WebSockets, each", value=each_kb, unit="KB", target=at_most(40)),
        Row(scenario=NAME, name=f"{held:,} idle WebSockets, a core", value=idle_percent, unit="%", target=at_most(2)),
        Row(
            scenario=NAME,
            name="WebSockets held at once",
            value=held,
            unit="",
            target=None if plan.is_quick else at_least(500),
            note="specification",
        ),
    ]


def paths_of(tokens: list[str], count: int) -> list[str]:
    """The paths of ``count`` WebSockets, spread over the users."""
    return [f"/ws/{tokens[number % len(tokens)]}" for number in range(count)]
