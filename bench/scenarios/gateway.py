"""``POST /v1/chat/completions``, whole and streamed, beside ``POST /api/chat``."""

import os

from bench.figures import Load, median_load
from bench.http import fetch_json, request_bytes
from bench.parts import BOT_NAME, Parts
from bench.people import CONTENT, chats, sign_in
from bench.plan import Plan
from bench.processes import on_cores, one_core
from bench.report import Row
from bench.rounds import Turn, alternate, rate_ratio

NAME = "gateway"
AT_ONCE = 32


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """32 at once, each with a key or a session of its own, on one core."""
    product = await parts.product()
    tokens = await sign_in(product.port, AT_ONCE, name="keyed")
    keys = [await _key(product.port, token) for token in tokens]

    def turn(requests: list[bytes]) -> Turn:
        return lambda: parts.generator.repeat(product.port, requests, seconds=plan.round_s)

    contestants = {
        "chat": turn(chats(tokens, bot_name=BOT_NAME)),
        "whole": turn([_completion(key, is_streamed=False) for key in keys]),
        "stream": turn([_completion(key, is_streamed=True) for key in keys]),
    }
    with on_cores(os.getpid(), one_core()):
        at_32 = await alternate(contestants, rounds=plan.rounds)
    return [
        _rate("REST chat beside it, 32 at once", at_32["chat"]),
        _rate("/v1 chat completions, 32 at once", at_32["whole"]),
        _rate("/v1 chat completions, streamed, 32 at once", at_32["stream"]),
        Row(
            scenario=NAME,
            name="/v1 chat completions / REST chat",
            value=rate_ratio(at_32["whole"], at_32["chat"]),
            unit="x",
        ),
    ]


async def _key(port: int, token: str) -> str:
    """A key that is not limited. Raises: Unavailable."""
    body = {"name": "bench", "scopes": ["chat"], "requests_per_minute": 100_000}
    return str((await fetch_json(port, request_bytes("POST", "/api/keys", body=body, token=token)))["secret"])


def _completion(key: str, *, is_streamed: bool) -> bytes:
    body = {"model": BOT_NAME, "messages": [{"role": "user", "content": CONTENT}], "stream": is_streamed}
    return request_bytes("POST", "/v1/chat/completions", body=body, token=key)


def _rate(name: str, loads: list[Load]) -> Row:
    load = median_load(loads)
    return Row(scenario=NAME, name=name, value=load.per_second, unit="/s", note=f"p99 {load.p99_ms:.0f} ms")
