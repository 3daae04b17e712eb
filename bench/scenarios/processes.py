"""Two API processes against one.

What they work with (bot, PostgreSQL, Valkey, load) needs cores too, so everything has one core beside the one process,
and two beside the two.
"""

import asyncio
import os
import sys
from functools import partial

from bench.children import Part
from bench.figures import Load, median_load
from bench.parts import BOT_NAME, Parts
from bench.people import chats, sign_in
from bench.plan import Plan
from bench.processes import on_cores
from bench.report import Row, at_least
from bench.rounds import alternate, rate_ratio

NAME = "processes"
USERS = 100
TARGET = at_least(1.7)
RATIO = "two processes on two cores / one on one"


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """REST chat through ``api --processes``; not measured where there is no such command, or no second core."""
    cores = sorted(os.sched_getaffinity(0))[-2:]
    if len(cores) < 2:
        return [_absent("one core only")]
    if not await _has_command():
        return [_absent("no command `api --processes`")]
    bot = await parts.bot()
    async with (
        parts.product_for({BOT_NAME: bot.port}, command=("api", "--processes", "1"), name="one") as one,
        parts.product_for({BOT_NAME: bot.port}, command=("api", "--processes", "2"), name="two") as two,
    ):
        requests = {part.port: chats(await sign_in(part.port, USERS), bot_name=BOT_NAME) for part in (one, two)}

        async def turn(part: Part, used: list[int]) -> Load:
            with on_cores(os.getpid(), used):
                return await parts.generator.repeat(part.port, requests[part.port], seconds=plan.round_s)

        await turn(one, cores)
        await turn(two, cores)
        contestants = {
            "one on one": partial(turn, one, cores[1:]),
            "one on two": partial(turn, one, cores),
            "two on two": partial(turn, two, cores),
        }
        results = await alternate(contestants, rounds=plan.rounds)
    rows = [
        Row(
            scenario=NAME,
            name=f"API processes and cores: {name}",
            value=median_load(loads).per_second,
            unit="answers/s",
        )
        for name, loads in results.items()
    ]
    ratio = rate_ratio(results["two on two"], results["one on one"])
    same = rate_ratio(results["two on two"], results["one on two"])
    compared = Row(scenario=NAME, name="two processes / one, both on two cores", value=same, unit="x")
    return [*rows, Row(scenario=NAME, name=RATIO, value=ratio, unit="x", target=TARGET), compared]


async def _has_command() -> bool:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.cli", "api", "--help"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0


def _absent(reason: str) -> Row:
    return Row(scenario=NAME, name=RATIO, value=None, unit="x", target=TARGET, note=f"not measured: {reason}")
