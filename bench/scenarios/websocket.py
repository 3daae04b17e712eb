"""100 conversations over WebSockets: every message stored, acknowledged and answered before the next."""

import os

from bench.figures import Load, median_load
from bench.loop_lag import LoopLag
from bench.parts import BOT_NAME, Parts
from bench.people import sign_in
from bench.plan import Plan
from bench.processes import cpu_s, on_cores, one_core
from bench.report import Row, at_least, at_most
from bench.rounds import Turn, alternate, rate_ratio

NAME = "ws"
CONVERSATIONS = 100
WARM_UP_S = 0.4


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """Messages a second against a WebSocket proxy that stores nothing; everything on one core."""
    product, bare = await parts.product(), await parts.bare_proxy(application="websocket_proxy")
    paths = [f"/ws/{token}" for token in await sign_in(product.port, CONVERSATIONS, name="ws")]
    bare_paths = [f"/ws/{number}" for number in range(CONVERSATIONS)]
    lag = LoopLag(product.port)

    def turn(port: int, addresses: list[str], seconds: float = plan.round_s) -> Turn:
        return lambda: parts.generator.converse(port, addresses, BOT_NAME, seconds=seconds)

    with on_cores(os.getpid(), one_core()):
        await turn(product.port, paths, WARM_UP_S)()
        await turn(bare.port, bare_paths, WARM_UP_S)()
        used_s = cpu_s(product.pid)
        contestants = {
            "bare": turn(bare.port, bare_paths),
            "ours": lambda: lag.during(turn(product.port, paths)),
        }
        results = await alternate(contestants, rounds=plan.rounds)
        used_s = cpu_s(product.pid) - used_s
    ours, theirs = median_load(results["ours"]), median_load(results["bare"])
    cpu_ms = used_s * 1000 / ours.count
    protocol = f"p99 {ours.p99_ms:.0f} ms" + ("" if ours.ack_ms is not None else "; base protocol, no acknowledgements")
    rows = [
        Row(scenario=NAME, name="bare WebSocket proxy, stores nothing", value=theirs.per_second, unit="answers/s"),
        Row(
            scenario=NAME,
            name="WebSocket chat, 100 conversations",
            value=ours.per_second,
            unit="answers/s",
            note=protocol,
        ),
        Row(
            scenario=NAME,
            name="WebSocket chat / bare WebSocket proxy",
            value=rate_ratio(results["ours"], results["bare"]),
            unit="x",
            target=at_least(0.33),
        ),
        Row(scenario=NAME, name="processor time of the web process for an answer", value=cpu_ms, unit="ms"),
        Row(scenario=NAME, name="event-loop lag p99 under this load", value=lag.p99_ms, unit="ms", target=at_most(50)),
    ]
    return [*rows, *_specified(ours)]


def _specified(ours: Load) -> list[Row]:
    """How soon a person sees that a message is stored, and how many talk at once."""
    ack = "until a message is acknowledged, p99"
    note = "specification" if ours.ack_p99_ms is not None else "not measured: base protocol"
    return [
        Row(scenario=NAME, name=ack, value=ours.ack_p99_ms, unit="ms", target=at_most(1000), note=note),
        Row(
            scenario=NAME,
            name="conversations at once, none failed",
            value=CONVERSATIONS,
            unit="",
            target=at_least(100),
            note="specification",
        ),
    ]
