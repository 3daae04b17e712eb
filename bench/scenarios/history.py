"""A history page and the list of conversations, on few stored messages and on a hundred times as many."""

import statistics

from bench.figures import Load, median_load
from bench.http import fetch_json, request_bytes
from bench.parts import Parts
from bench.people import sign_in
from bench.plan import Plan
from bench.report import Row, at_most
from bench.rounds import alternate
from bench.seed import seed
from chat_api.core.errors import Unavailable

NAME = "history"
USERS = 10
BOTS = ("ada", "bea", "cleo", "dora", "ella")


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """Both products run beside each other; everything that is stored belongs to ten people and five bots."""
    bot = await parts.bot()
    bots = dict.fromkeys(BOTS, bot.port)
    async with (
        parts.product_for(bots, name="few") as few,
        parts.product_for(bots, name="many") as many,
    ):
        requests: dict[str, dict[str, bytes]] = {}
        for name, product, messages in (("few", few, plan.few_messages), ("many", many, plan.many_messages)):
            tokens = await sign_in(product.port, USERS, name="history")
            url = (await parts.stores(name))["DATABASE_URL"]
            await seed(parts.generator, product.port, tokens, list(bots), database_url=url, messages=messages)
            requests[name] = await _requests(product.port, tokens[0], stored=messages // USERS)
        seconds = plan.round_s / 4

        async def ask(port: int, request: bytes) -> Load:
            return await parts.generator.repeat(port, [request], seconds=seconds)

        rows = []
        for what in requests["few"]:
            turns = {
                name: lambda port=product.port, request=requests[name][what]: ask(port, request)
                for name, product in (("few", few), ("many", many))
            }
            rows += _rows(plan, what, await alternate(turns, rounds=plan.rounds))
    return rows


async def _requests(port: int, token: str, *, stored: int) -> dict[str, bytes]:
    """The newest page, one from the middle, and the list of conversations.

    Raises: Unavailable when the newest message does not stand where it must with ``stored`` of this person.
    """
    path = f"/api/conversations/{BOTS[0]}/messages?limit=50"
    newest = await fetch_json(port, request_bytes("GET", path, token=token))
    last_seq = newest["messages"][0]["seq"]
    if last_seq < stored * 0.8:
        raise Unavailable(detail=f"the newest of {stored} messages is number {last_seq}")
    middle = last_seq // 2
    paths = {
        "history, the newest page": path,
        "history, a page from the middle": f"{path}&before={middle}",
        "the list of conversations": "/api/conversations",
    }
    return {name: request_bytes("GET", path, token=token) for name, path in paths.items()}


def _rows(plan: Plan, what: str, results: dict[str, list[Load]]) -> list[Row]:
    few, many = median_load(results["few"]), median_load(results["many"])
    ratio = statistics.median(
        more.median_ms / less.median_ms for more, less in zip(results["many"], results["few"], strict=True)
    )
    compared = f"{few.median_ms:.2f} ms on {plan.few_messages:,}"
    name = f"{what}, {plan.many_messages:,} messages"
    return [
        Row(scenario=NAME, name=name, value=many.median_ms, unit="ms", target=at_most(50), note="specification"),
        Row(scenario=NAME, name=f"{what} / the same on few", value=ratio, unit="x", target=at_most(2), note=compared),
    ]
