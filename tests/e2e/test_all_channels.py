"""The fleet's own stores in a real browser: figures with their source, missing ones as such, a dead store as a note."""

import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Page, expect
from redis.asyncio import Redis

from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S as EDGES
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import RunningConsole, running_console
from tests.support.fleet_tables import V2_TABLES, say
from tests.support.influx import TOKEN, Influx, running_influx, table
from tests.support.sample_bots import RunningBot

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("LIFE_SHOTS")


def answer_of_influxdb(dice: random.Random) -> str:
    """A day of elena's and marcus's, as InfluxDB tells it."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=20)
    steps = [begin + timedelta(minutes=15 * number) for number in range(80)]
    p95 = [f"{at:%Y-%m-%dT%H:%M:%SZ},{bot},{dice.uniform(2, 14):.2f}" for bot in ("elena", "marcus") for at in steps]
    times = [
        f"{bot},{answers},{edge},{count}.0"
        for bot in ("elena", "marcus")
        for answers, most in (("fast,SIMPLE", 310), ("supergraph,DYNAMIC", 120), ("reflective,COMPLEX_HIGH", 31))
        for edge, count in zip(
            (EDGES[18], EDGES[24], EDGES[30], "+Inf"), (most // 3, most // 2, most, most), strict=True
        )
    ]
    return (
        table("p95", "dateTime:RFC3339,string,double", "_time,bot_name,_value", *p95)
        + table("times", "string,string,string,double,double", "bot_name,mode,complexity,le,_value", *times)
        + table("reactions", "string,string,long", "bot_name,_value,_field", "elena,positive,41", "elena,negative,3")
    )


@pytest.fixture
async def influx() -> AsyncIterator[Influx]:
    """The fleet's InfluxDB."""
    async with running_influx() as one:
        one.body = answer_of_influxdb(random.Random(7))
        yield one


@pytest.fixture
async def console(
    make_settings: MakeSettings,
    empty_database_url: str,
    redis_url: str,
    elena: RunningBot,
    marcus: RunningBot,
    influx: Influx,
) -> AsyncIterator[RunningConsole]:
    """The application beside a fleet with a day behind it and jobs in its queues."""
    dice, now = random.Random(7), datetime.now(UTC).replace(tzinfo=None)
    sql = await asyncpg.connect(empty_database_url)
    await sql.execute(V2_TABLES)
    ago = sorted((dice.uniform(0, 80_000) for _ in range(900)), reverse=True)
    await say(
        sql,
        [("marcus", dice.choice(("human", "ai")), now - timedelta(seconds=s), str(n)) for n, s in enumerate(ago)],
    )
    await sql.close()
    async with Redis.from_url(redis_url) as redis:
        late_ms = datetime.now(UTC).timestamp() * 1000 - 95_000
        await redis.zadd("arq:cognition", {f"job{number}": late_ms + number for number in range(117)})
        settings = make_settings(
            bots=(elena, marcus),
            fleet_database_url=empty_database_url,
            fleet_redis_url=redis_url,
            influxdb_url=influx.url,
            influxdb_token=TOKEN,
        )
        async with running_console(settings) as running:
            yield running


async def shot(page: Page, name: str) -> None:
    """Keep a picture, where somebody wants to look."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def test_figures_name_their_store_and_a_dead_one_is_a_note(
    console: RunningConsole, page: Page, influx: Influx
) -> None:
    """marcus talks on Discord; of elena PostgreSQL knows nothing, which is a dash; then InfluxDB refuses."""
    await sign_in(page, console, path="/admin/analytics")
    await page.get_by_test_id("tab-channels").click()
    await expect(page.get_by_test_id("store-history")).to_have_attribute("data-state", "ok")
    rows = page.get_by_test_id("life-bots").locator("tbody tr")
    await expect(rows.filter(has_text="Elena").locator("td").nth(1)).to_have_text("–")
    await expect(rows.filter(has_text="Elena").locator("td").nth(6)).to_have_text("41")
    await expect(rows.filter(has_text="Marcus").locator("td").nth(1)).not_to_have_text("–")
    await expect(page.get_by_test_id("anatomy")).to_contain_text("reflective")
    await expect(page.get_by_test_id("queues").locator("tbody tr").first).to_contain_text("117")
    await shot(page, "channels-light")
    await page.emulate_media(color_scheme="dark")
    await shot(page, "channels-dark")
    assert await violations(page) == []
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.wait_for_function("document.documentElement.scrollWidth <= 390")
    await shot(page, "channels-phone")
    assert await violations(page) == []
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"{console.url}/admin/bots/marcus?tab=answers")
    panel = page.get_by_test_id("all-channels")
    await expect(panel.get_by_test_id("anatomy")).to_contain_text("supergraph")
    await shot(page, "bot-dark")
    assert await violations(page) == []
    influx.status = 503
    await page.goto(f"{console.url}/admin/analytics?tab=channels")
    await page.get_by_label("Time range").click()
    await page.get_by_role("option", name="Last hour").click()
    store = page.get_by_test_id("store-influxdb")
    await expect(store).to_have_attribute("data-state", "unreadable")
    await expect(store).to_contain_text("can't be reached")
    await expect(page.get_by_test_id("store-history")).to_have_attribute("data-state", "ok")
    await page.goto(f"{console.url}/admin")
    card = page.get_by_test_id("service-queue-cognition")
    await expect(card).to_contain_text("117 jobs")
    await shot(page, "board-dark")
    await card.get_by_role("link").click()
    await expect(page.get_by_test_id("series")).to_contain_text("Jobs in the queue")
    await shot(page, "queue-dark")
