"""One at a time: what the product adds to the bot's own time, beside two commits that nothing else is done with."""

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from bench.figures import Load, load_of, median_load
from bench.parts import BOT_NAME, Parts
from bench.people import CONTENT, bare_chats, chats, sign_in
from bench.plan import Plan
from bench.report import Row, at_most
from bench.rounds import Turn, alternate

NAME = "single"


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """REST one request after another, and one conversation over a WebSocket."""
    product, bot = await parts.product(), await parts.bot()
    token = (await sign_in(product.port, 1, name="single"))[0]
    request = chats([token], bot_name=BOT_NAME)
    seconds = plan.round_s / 2
    async with _two_commits(parts, seconds=seconds) as two_commits:
        contestants = {
            "bot": lambda: parts.generator.repeat(bot.port, bare_chats(1), seconds=seconds),
            "commits": two_commits,
            "rest": lambda: parts.generator.repeat(product.port, request, seconds=seconds),
            "ws": lambda: parts.generator.converse(product.port, [f"/ws/{token}"], BOT_NAME, seconds=seconds),
        }
        await parts.generator.repeat(product.port, request, seconds=0.2)
        results = await alternate(contestants, rounds=plan.rounds)
    loads = {name: median_load(rounds) for name, rounds in results.items()}
    added_ms = loads["rest"].median_ms - loads["bot"].median_ms
    ratio = statistics.median(
        (rest.median_ms - alone.median_ms) / commits.median_ms
        for rest, alone, commits in zip(results["rest"], results["bot"], results["commits"], strict=True)
    )
    feedback = loads["ws"].ack_p99_ms or loads["ws"].p99_ms
    rows = [
        Row(scenario=NAME, name="the bot itself, median", value=loads["bot"].median_ms, unit="ms"),
        Row(scenario=NAME, name="two durable commits, median", value=loads["commits"].median_ms, unit="ms"),
        Row(scenario=NAME, name="REST chat, median", value=loads["rest"].median_ms, unit="ms"),
        Row(scenario=NAME, name="added to the bot's time", value=added_ms, unit="ms", target=at_most(3)),
        Row(scenario=NAME, name="added / two durable commits", value=ratio, unit="x", target=at_most(1.5)),
    ]
    return [*rows, *_specified(loads["ws"].p99_ms, feedback)]


def _specified(websocket_ms: float, feedback_ms: float) -> list[Row]:
    """What the specification asks for."""
    floor = {"unit": "ms", "note": "specification"}
    return [
        Row(scenario=NAME, name="WebSocket, message to answer, p99", value=websocket_ms, target=at_most(100), **floor),
        Row(scenario=NAME, name="feedback on a sent message, p99", value=feedback_ms, target=at_most(1000), **floor),
    ]


@asynccontextmanager
async def _two_commits(parts: Parts, *, seconds: float) -> AsyncIterator[Turn]:
    """A turn of two single-row commits after one another, through asyncpg, on the same PostgreSQL."""
    connection = await asyncpg.connect((await parts.stores("commits"))["DATABASE_URL"])
    await connection.execute(
        "CREATE TABLE lines (id uuid PRIMARY KEY, user_id text NOT NULL, content text NOT NULL,"
        " created_at timestamptz NOT NULL DEFAULT now())"
    )
    insert = await connection.prepare("INSERT INTO lines (id, user_id, content) VALUES ($1, $2, $3)")

    async def turn() -> Load:
        times_s: list[float] = []
        began = time.perf_counter()
        while (at := time.perf_counter()) < began + seconds:
            await insert.fetch(uuid4(), "bench", CONTENT)
            await insert.fetch(uuid4(), "bench", CONTENT)
            times_s.append(time.perf_counter() - at)
        return load_of(times_s, passed_s=time.perf_counter() - began)

    try:
        yield turn
    finally:
        await connection.close()
