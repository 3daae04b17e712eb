"""50,000 lines a minute, followed by a browser and two other viewers: memory stays flat, and every line is counted.

As many lines as twelve seconds of it have, however long they take. ``LOG_FLOOD_S=180 ./web-ui.sh test
tests/e2e/test_log_flood.py -s`` goes on for three minutes, and prints what it saw, the rate included.
"""

import asyncio
import os
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.async_api import Page, expect

from chat_api.core.cookies import ADMIN_COOKIE
from tests.chat_api.logs.test_service import script
from tests.support.commands import environment
from tests.support.console_process import ConsoleProcess
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import DEADLINE_S, eventually

pytestmark = [pytest.mark.docker, pytest.mark.browser]
FLOOD_S = float(os.environ.get("LOG_FLOOD_S", "12"))
LOADS = 24  # of another page; more of them in a minute would be refused
LINES_A_MINUTE = 50_000
BOTS = ("elena", "marcus")
WARM_UP_LINES = 4_000
BOT_LINES = (int(LINES_A_MINUTE * FLOOD_S / 60) + WARM_UP_LINES) // len(BOTS)
PASSWORD = "a-flood-of-lines"
# As many lines at each tenth of a second as are due by the clock, however late it woke up, and then no more.
FLOOD = f"""
import os, time
print("ready")
while not os.path.exists("/tmp/go"): time.sleep(0.05)
begin, n = time.monotonic(), 0
while n < {BOT_LINES}:
    due = min({BOT_LINES}, int((time.monotonic() - begin) * {LINES_A_MINUTE / len(BOTS) / 60}))
    print("".join(f"INFO line {{i}} of a flood, as long as lines are: {{'x' * 60}}\\n" for i in range(n, due)), end="")
    n = due
    time.sleep(0.1)
time.sleep(600)
"""
MEBIBYTE = 2**20


async def test_a_flood_of_lines_harms_nobody(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    database_url: str,
    redis_url: str,
    page: Page,
    tmp_path: Path,
) -> None:
    """Memory of server and browser stays flat, other pages come meanwhile, and every line is shown or counted."""
    (tmp_path / "fleet.yaml").write_text("[{name: elena, port: 1}, {name: marcus, port: 2}]")
    console = ConsoleProcess(
        environment(
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            DOCKER_HOST=docker_engine.host,
            BOTS_CONFIG=tmp_path / "fleet.yaml",
            WEB_UI_STATE_DIR=tmp_path,
            WEB_UI_ADMIN_USERNAME="admin",
            WEB_UI_ADMIN_PASSWORD=PASSWORD,
        ),
        tmp_path / "log",
    )
    await console.start()
    try:
        async with httpx.AsyncClient(base_url=console.url, timeout=DEADLINE_S) as client:
            await _sign_in(client)
            calm_ms = await _page_ms(client, LOADS)
            bots = [bot_container(bot, **script(FLOOD)) for bot in BOTS]
            await page.context.add_cookies(
                [{"name": ADMIN_COOKIE, "value": client.cookies[ADMIN_COOKIE], "url": console.url}]
            )
            await page.goto(f"{console.url}/admin/logs")
            await expect(page.get_by_test_id("counts")).to_contain_text(f"{len(BOTS)} matched")
            assert console.process is not None
            server = psutil.Process(console.process.pid)
            async with asyncio.TaskGroup() as group:
                others = [group.create_task(_follow(console, client.cookies, bot)) for bot in BOTS]
                for bot in bots:
                    bot.container.exec_run(["touch", "/tmp/go"])
                await _emitted(page, WARM_UP_LINES)
                server_before, browser_before = server.memory_info().rss, await _heap(page)
                began, emitted_before = time.monotonic(), (await _counts(page))[0]
                flooded_ms = await _page_ms(client, LOADS, pause_s=FLOOD_S / LOADS)
                await _emitted(page, len(BOTS) * (1 + BOT_LINES))
                a_minute = (len(BOTS) * (1 + BOT_LINES) - emitted_before) * 60 / (time.monotonic() - began)
                server_after, browser_after = server.memory_info().rss, await _heap(page)
                for other in others:
                    other.cancel()

        async def adds_up() -> bool:
            emitted, shown, dropped = await _counts(page)
            return emitted == shown + dropped == len(BOTS) * (1 + BOT_LINES)

        await eventually(adds_up)
        emitted, shown, dropped = await _counts(page)
        grown, grown_browser = server_after - server_before, browser_after - browser_before
        print(  # noqa: T201
            f"\n{a_minute:,.0f} lines a minute, {emitted:,} in all: {shown:,} shown, {dropped:,} dropped; server"
            f" {server_before / MEBIBYTE:.1f} {grown / MEBIBYTE:+.1f} MB, page {browser_before / MEBIBYTE:.1f}"
            f" {grown_browser / MEBIBYTE:+.1f} MB; another page {calm_ms:.1f} ms without, {flooded_ms:.1f} ms with it"
        )
        assert grown < 16 * MEBIBYTE
        assert grown_browser < 16 * MEBIBYTE
        assert await page.locator(".we-log-line").count() < 100
    finally:
        console.kill()


async def _sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/admin/login", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 200, answer.text


async def _page_ms(client: httpx.AsyncClient, count: int, *, pause_s: float = 0.0) -> float:
    """The median time of the Fleet page's HTML."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        answer = await client.get("/admin")
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200
        await asyncio.sleep(pause_s)
    return statistics.median(times)


async def _follow(console: ConsoleProcess, cookies: httpx.Cookies, bot: str) -> None:
    """Another viewer: the stream of one bot's log, read as fast as it comes."""
    url = f"{console.url}/api/admin/logs/stream"
    async with (
        httpx.AsyncClient(cookies=cookies, timeout=DEADLINE_S) as client,
        client.stream("GET", url, params={"bots": bot}) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        async for _ in answer.aiter_bytes():
            pass


async def _heap(page: Page) -> int:
    """Bytes of JavaScript objects that the page keeps, after its garbage was collected."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("HeapProfiler.collectGarbage")
    used: int = (await devtools.send("Runtime.getHeapUsage"))["usedSize"]
    await devtools.detach()
    return used


async def _emitted(page: Page, count: int) -> None:
    """Wait until the page counts so many lines."""

    async def so_many() -> bool:
        return (await _counts(page))[0] >= count

    await eventually(so_many, deadline_s=FLOOD_S * 20)


async def _counts(page: Page) -> tuple[int, ...]:
    """How many lines were emitted, shown and dropped, as the page says."""
    text = await page.get_by_test_id("counts").inner_text()
    return tuple(int(number.replace(",", "")) for number in re.findall(r"[\d,]+", text))
