"""Many bots that are looked at all the time: what that costs while nobody watches."""

import asyncio

from bench.children import free_ports
from bench.figures import median_load
from bench.http import fetch_json, request_bytes
from bench.parts import Parts
from bench.plan import Plan
from bench.processes import cpu_s, memory_bytes
from bench.report import Row, at_most
from chat_api.core.errors import Unavailable

NAME = "fleet"
ROUNDS = 2
_ADMIN = {"username": "bench", "password": "only for the bench"}


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """Each bot has a port of its own, all of them in one process. The first round of checks is not counted."""
    ports = free_ports(plan.bots)
    bots = {f"bot{number:03}": port for number, port in enumerate(ports)}
    settings = {
        "BOT_HEALTH_CHECK_INTERVAL": str(plan.poll_s),
        "WEB_UI_ADMIN_USERNAME": _ADMIN["username"],
        "WEB_UI_ADMIN_PASSWORD": _ADMIN["password"],
    }
    async with parts.bot_on(ports), parts.product_for(bots, **settings) as product:
        login = request_bytes("POST", "/api/admin/login", body=_ADMIN)
        token = (await fetch_json(product.port, login))["admin_token"]
        status = request_bytes("GET", "/api/admin/status", token=token)
        await asyncio.sleep(plan.poll_s * 1.2)
        before, used_s = memory_bytes(product.pid), cpu_s(product.pid)
        await asyncio.sleep(plan.poll_s * ROUNDS)
        percent = (cpu_s(product.pid) - used_s) / (plan.poll_s * ROUNDS) * 100
        growth = (memory_bytes(product.pid) / before - 1) * 100
        states = (await fetch_json(product.port, status))["bots"].values()
        if sum(state["status"] == "online" for state in states) != plan.bots:
            raise Unavailable(detail=f"not all of {plan.bots} bots were seen online")
        asked = median_load([await parts.generator.repeat(product.port, [status], seconds=plan.round_s / 2)])
    name = f"{plan.bots} bots, each asked every {plan.poll_s:g} s"
    return [
        Row(scenario=NAME, name=f"{name}, a core", value=percent, unit="%", target=at_most(15)),
        Row(
            scenario=NAME,
            name=f"memory after {ROUNDS} more rounds of checks",
            value=growth,
            unit="% more",
            target=at_most(5),
        ),
        Row(
            scenario=NAME,
            name=f"the status of {plan.bots} bots, p99",
            value=asked.p99_ms,
            unit="ms",
            target=at_most(3000),
            note="specification",
        ),
    ]
