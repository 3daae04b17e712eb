"""``POST /api/chat`` with everything on: token, limit, durable before the bot and after it."""

import asyncio
import os
from collections.abc import Mapping, Sequence

from bench.figures import Load, median_load
from bench.loop_lag import LoopLag
from bench.parts import BOT_NAME, Parts
from bench.people import bare_chats, chats, sign_in
from bench.plan import Plan
from bench.processes import cpu_s, on_cores, one_core
from bench.report import Row, at_least, at_most
from bench.rounds import Turn, alternate, rate_ratio

NAME = "rest"
WARM_UP_S = 0.4


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """100 at once against the textbook, 32 at once against proxies that store nothing; all on one core."""
    product, textbook, bare, nginx = await asyncio.gather(
        parts.product(), parts.textbook(), parts.bare_proxy(), parts.nginx()
    )
    ours = chats(await sign_in(product.port, 100), bot_name=BOT_NAME)
    theirs = chats(await sign_in(textbook.port, 100), bot_name=BOT_NAME)
    lag = LoopLag(product.port)

    def turn(port: int, requests: list[bytes]) -> Turn:
        return lambda: parts.generator.repeat(port, requests, seconds=plan.round_s)

    def ours_turn(count: int) -> Turn:
        return lambda: lag.during(turn(product.port, ours[:count]))

    with on_cores(os.getpid(), one_core()):
        for port, requests in ((product.port, ours), (textbook.port, theirs), (bare.port, bare_chats(100))):
            await parts.generator.repeat(port, requests, seconds=WARM_UP_S)
        at_100 = await alternate({"textbook": turn(textbook.port, theirs), "ours": ours_turn(100)}, rounds=plan.rounds)
        contestants = {"bare": turn(bare.port, bare_chats(32))}
        if nginx:
            contestants["nginx"] = turn(nginx.port, bare_chats(32))
        used_s, counts = cpu_s(product.pid), []
        at_32 = await alternate({**contestants, "ours": ours_turn(32)}, rounds=plan.rounds)
        counts = [load.count for load in at_32["ours"]]
        cpu_ms = (cpu_s(product.pid) - used_s) * 1000 / sum(counts)
    return [*_rows(at_100, at_32), *_own_rows(at_100, at_32, cpu_ms=cpu_ms, lag_ms=lag.p99_ms)]


def _rows(at_100: dict[str, list[Load]], at_32: dict[str, list[Load]]) -> list[Row]:
    ours = median_load(at_100["ours"])
    rows = [
        _rate("the textbook stack, 100 at once", at_100["textbook"]),
        _rate("REST chat, 100 at once", at_100["ours"], note=f"p99 {ours.p99_ms:.0f} ms"),
        _ratio("REST chat, 100 at once / textbook", at_100["ours"], at_100["textbook"], 25),
        _rate("bare ASGI proxy, stores nothing, 32 at once", at_32["bare"]),
        *([_rate("nginx as a proxy, 32 at once", at_32["nginx"])] if "nginx" in at_32 else []),
        _rate("REST chat, 32 at once", at_32["ours"], note=f"p99 {median_load(at_32['ours']).p99_ms:.0f} ms"),
        _ratio("REST chat, 32 at once / bare ASGI proxy", at_32["ours"], at_32["bare"], 0.35),
    ]
    return [*rows, against_nginx(at_32)]


def against_nginx(at_32: Mapping[str, Sequence[Load]]) -> Row:
    """The row that needs nginx, which not every machine has."""
    name, target = "REST chat, 32 at once / nginx as a proxy", at_least(0.1)
    if "nginx" not in at_32:
        return Row(scenario=NAME, name=name, value=None, unit="x", target=target, note="not measured: no nginx")
    return Row(scenario=NAME, name=name, value=rate_ratio(at_32["ours"], at_32["nginx"]), unit="x", target=target)


def _own_rows(
    at_100: dict[str, list[Load]], at_32: dict[str, list[Load]], *, cpu_ms: float, lag_ms: float | None
) -> list[Row]:
    per_minute = median_load(at_100["ours"]).per_second * 60
    return [
        Row(scenario=NAME, name="processor time of the web process for an answer", value=cpu_ms, unit="ms"),
        Row(scenario=NAME, name="event-loop lag p99 under this load", value=lag_ms, unit="ms", target=at_most(50)),
        Row(
            scenario=NAME,
            name="messages a minute",
            value=per_minute,
            unit="1/min",
            target=at_least(1000),
            note="specification",
        ),
    ]


def _rate(name: str, loads: list[Load], *, note: str = "") -> Row:
    return Row(scenario=NAME, name=name, value=median_load(loads).per_second, unit="answers/s", note=note)


def _ratio(name: str, ours: list[Load], theirs: list[Load], bound: float) -> Row:
    return Row(scenario=NAME, name=name, value=rate_ratio(ours, theirs), unit="x", target=at_least(bound))
