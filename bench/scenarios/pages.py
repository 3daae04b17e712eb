"""Open chat pages, each with the handshake that a browser makes: what they cost the process that serves them."""

import asyncio
from dataclasses import dataclass

from bench.children import Part
from bench.figures import percentile
from bench.http import fetch
from bench.parts import BOT_NAME, Parts
from bench.people import chats, sign_in
from bench.plan import Plan
from bench.processes import cpu_s, memory_bytes
from bench.report import Row, at_most
from bench.scenarios.page_events import event_rows
from bench.scenarios.sockets import paths_of

NAME = "pages"
USERS = 100
BATCH = 100  # NiceGUI drops pages whose browser does not connect
SETTLE_S = 1.0
POLL_S = "0.5"  # how soon the product notices that the bot has changed


@dataclass(slots=True)
class Opened:
    """What the pages opened so far have cost."""

    pages: int = 0
    conversations: int = 0
    memory_bytes: int = 0
    build_s: float = 0.0
    connect_s: float = 0.0
    times_s: tuple[float, ...] = ()


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """Sockets first, then half of the pages, events to those, then the other half."""
    async with (
        parts.bot_of_its_own() as bot,
        parts.product_for({BOT_NAME: bot.port}, BOT_HEALTH_CHECK_INTERVAL=POLL_S) as product,
    ):
        tokens = await sign_in(product.port, USERS, name="pages")
        for request in chats(tokens, bot_name=BOT_NAME):
            await fetch(product.port, request)  # a page opens the conversation that its person had last
        await _open(parts, product, Opened(), tokens[:10])
        await parts.generator.close()  # what the first pages load stays loaded
        await parts.generator.idle(product.port, paths_of(tokens, plan.idle_sockets))
        opened = Opened()
        await _open(parts, product, opened, tokens[:1] * plan.event_pages)
        rows = await event_rows(parts, plan, product=product, bot=bot, token=tokens[0])
        others = plan.pages - plan.event_pages
        await _open(parts, product, opened, (tokens * (others // USERS + 1))[:others])
        in_all = memory_bytes(product.pid)
        await parts.generator.close()
    return [*_page_rows(opened), *rows, *_memory_rows(plan, in_all)]


async def _open(parts: Parts, product: Part, opened: Opened, tokens: list[str]) -> None:
    """Open one page for each token, and add up what that costs."""
    before = memory_bytes(product.pid)
    for first in range(0, len(tokens), BATCH):
        batch = tokens[first : first + BATCH]
        started_s = cpu_s(product.pid)
        opened.times_s += tuple(await parts.generator.build_pages(product.port, batch))
        built_s = cpu_s(product.pid)
        opened.conversations += await parts.generator.connect_pages(product.port)
        opened.connect_s += cpu_s(product.pid) - built_s
        opened.build_s += built_s - started_s
        opened.pages += len(batch)
    await asyncio.sleep(SETTLE_S)
    opened.memory_bytes += memory_bytes(product.pid) - before


def _page_rows(opened: Opened) -> list[Row]:
    count = opened.pages
    each_kb = opened.memory_bytes / count / 1024
    build_ms, connect_ms = opened.build_s * 1000 / count, opened.connect_s * 1000 / count
    slowest_ms = percentile(opened.times_s, 0.99) * 1000
    said = f"{opened.conversations:,} of them with a conversation"
    return [
        Row(
            scenario=NAME, name=f"{count:,} open pages, each", value=each_kb, unit="KB", target=at_most(130), note=said
        ),
        Row(scenario=NAME, name="building a page, processor time", value=build_ms, unit="ms", target=at_most(8)),
        Row(scenario=NAME, name="its handshake and first request", value=connect_ms, unit="ms"),
        Row(
            scenario=NAME,
            name="until a page's HTML is there, p99",
            value=slowest_ms,
            unit="ms",
            target=at_most(2000),
            note="specification",
        ),
    ]


def _memory_rows(plan: Plan, in_all: int) -> list[Row]:
    name = f"web process, {plan.idle_sockets:,} sockets, {plan.pages:,} pages"
    value, specified = (
        in_all / 2**20,
        Row(
            scenario=NAME, name="the same", value=in_all / 2**20, unit="MB", target=at_most(1024), note="specification"
        ),
    )
    return [Row(scenario=NAME, name=name, value=value, unit="MB", target=at_most(400)), specified]
