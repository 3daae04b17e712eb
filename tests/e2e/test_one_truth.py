"""A bot that fails six answers in ten: every place says so, with one number, and every place says when it is well."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest
from playwright.async_api import Page, expect

from chat_api.core.principals import Principal
from chat_api.series.analytics_schemas import Grain
from models import RuleKind
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.console_app import RunningConsole, running_console
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, sample_bot

pytestmark = pytest.mark.browser
LONG_MS = 90_000
FAILS = re.compile(r"\d+% of its last \d+ answers failed")


async def hasten(console: RunningConsole) -> None:
    """The rules as installed, but for how long they wait."""
    admin = await console.services.auth.authenticate(await console.admin_login(), is_admin=True)
    for rule in await console.services.alert_settings.rules(admin):
        if rule.kind is RuleKind.ERROR_RATE:
            quick = replace(rule, for_s=0, keep_firing_for_s=0)
            await console.services.alert_settings.change_rule(admin, rule.rule_id, quick)


@asynccontextmanager
async def talking(console: RunningConsole, person: Principal) -> AsyncIterator[None]:
    """Somebody keeps talking with elena while the block runs."""

    async def talk() -> None:
        while not is_over.is_set():
            await console.services.messages.send(person, bot_name="elena", content="Hello")

    is_over = asyncio.Event()
    talk_task = asyncio.create_task(talk())
    try:
        yield
    finally:
        is_over.set()
        await talk_task


async def numbers(console: RunningConsole, token: str, admin: Principal) -> dict[str, tuple[int, int]]:
    """Answers and failures of the running hour, by who says it."""
    async with console.client(token) as client:
        series = (await client.get("/api/admin/bots/elena/series?window=1h")).json()["points"]
        board = (await client.get("/api/admin/bots/elena")).json()
        metrics = (await client.get("/metrics")).text
    (bot,) = (await console.services.analytics.report(admin, grain=Grain.DAY)).bots
    failed, answered = (
        int(float(found[1]))
        for result in ("failed", "answered")
        if (found := re.search(rf'bot_answers_total{{bot_name="elena",result="{result}"}} (\S+)', metrics))
    )
    calls = sum(point["count"] for point in series)
    return {
        "series": (calls, sum(point["errors"] for point in series)),
        "board": (calls, round((board["error_rate"] or 0) * calls)),
        "analytics": (bot.total.answered + bot.total.failed, bot.total.failed),
        "metrics": (answered + failed, failed),
    }


async def statuses(console: RunningConsole, token: str) -> dict[str, str]:
    """How elena, or the whole, is, by who says it."""
    async with console.client(token) as client:
        status = (await client.get("/api/admin/status")).json()
        health = (await client.get("/health")).json()
        bots = (await client.get("/api/admin/bots")).json()
        one = (await client.get("/api/admin/bots/elena")).json()
    return {
        "status": status["system"]["status"],
        "status.bot": status["bots"]["elena"]["status"],
        "status.attention": str(status["system"]["needs_attention"]),
        "status.alerts": str(status["system"]["alerts_firing"]),
        "status.incidents": str(status["system"]["incidents_open"]),
        "health": health["status"],
        "health.bot": health["bots"]["elena"],
        "bots": bots["status"],
        "bots.bot": next(bot["status"] for bot in bots["bots"] if bot["name"] == "elena"),
        "bot": one["status"],
    }


ILL = {
    "status": "degraded",
    "status.bot": "degraded",
    "status.attention": "1",
    "status.alerts": "1",
    "status.incidents": "1",
    "health": "degraded",
    "health.bot": "degraded",
    "bots": "degraded",
    "bots.bot": "degraded",
    "bot": "degraded",
}
WELL = {
    key: {"degraded": "online" if key.endswith("bot") else "healthy", "1": "0"}[value] for key, value in ILL.items()
}


async def expect_page(page: Page, *, is_ill: bool) -> None:
    """The banner, the tab, the menu, the filter and the row of an open Fleet page."""
    await expect(page.get_by_test_id("banner")).to_have_attribute(
        "data-status", "degraded" if is_ill else "healthy", timeout=LONG_MS
    )
    await expect(page.get_by_test_id("bot-elena")).to_have_attribute(
        "data-status", "degraded" if is_ill else "online", timeout=LONG_MS
    )
    await expect(page.get_by_test_id("chip-problems")).to_contain_text("1" if is_ill else "0")
    await expect(page).to_have_title(re.compile("^Degraded · Fleet" if is_ill else "^Fleet"), timeout=LONG_MS)
    for badge in ("fleet", "alerts", "incidents"):
        shown = page.locator(f'[data-badge="{badge}"]')
        if is_ill:
            await expect(shown).to_have_text("1", timeout=LONG_MS)
        else:
            await expect(shown).to_be_hidden(timeout=LONG_MS)


@pytest.mark.parametrize("elena", ["v1"], indirect=True)
async def test_every_place_says_how_a_bot_is(make_settings: MakeSettings, page: Page, elena: RunningBot) -> None:
    """Banner, APIs, badges, tab, row, bot page, incident, alert; and whoever counts its failures counts alike."""
    async with (
        sample_bot("marcus") as marcus,
        running_console(make_settings(bots=(elena, marcus))) as console,
    ):
        await hasten(console)
        token = await console.admin_login()
        admin = await console.services.auth.authenticate(token, is_admin=True)
        person = await console.principal()
        await sign_in(page, console)
        await expect_page(page, is_ill=False)

        await elena.set_faults(failure_rate=0.6)
        async with talking(console, person):
            await eventually(partial(_say, console, token, ILL), interval_s=0.3)
            await expect_page(page, is_ill=True)
            note = page.get_by_test_id("bot-elena").get_by_test_id("note")
            await expect(note).to_have_text(FAILS)
            await page.goto(f"{console.url}/admin/bots/elena")
            await expect(page.get_by_text(FAILS).first).to_be_visible()
            await expect(page).to_have_title(re.compile("^Degraded · "))
            (incident,) = await console.services.incidents.newest(admin)
            assert incident.title == "Elena Rodriguez is degraded"
            assert FAILS.search(incident.detail), incident.detail
            # A machine so slow that a check of PostgreSQL takes too long makes it PostgreSQL's alert, for two minutes.
            await eventually(partial(_fires, console, admin), deadline_s=200, interval_s=0.5)
        calls, failed = await _agreed(console, token, admin)
        assert 0.4 * calls < failed < 0.8 * calls

        await elena.set_faults(failure_rate=0.0)
        async with talking(console, person):
            await eventually(partial(_say, console, token, WELL), interval_s=0.3)
            await page.goto(f"{console.url}/admin")
            await expect_page(page, is_ill=False)
        later = await _agreed(console, token, admin)
        assert later[0] > calls
        assert later[1] == failed


@pytest.fixture
async def elena(request: pytest.FixtureRequest) -> AsyncIterator[RunningBot]:
    """A bot of one generation that fails as it is told, always in the same order."""
    async with sample_bot("elena", contract=request.param, seed=7) as bot:
        yield bot


async def _say(console: RunningConsole, token: str, expected: dict[str, str]) -> bool:
    found = await statuses(console, token)
    if found != expected:
        raise AssertionError({key: value for key, value in found.items() if value != expected[key]})
    return True


async def _fires(console: RunningConsole, admin: Principal) -> bool:
    titles = [alert.title for alert in await console.services.alerts.firing(admin)]
    return len(titles) == 1 and re.match(r"Elena Rodriguez failed \d+% of its last \d+ answers", titles[0]) is not None


async def _agreed(console: RunningConsole, token: str, admin: Principal) -> tuple[int, int]:
    """The calls and the failures that everybody counts, once all that was said is counted by everybody."""

    async def alike() -> tuple[int, int]:
        found = await numbers(console, token, admin)
        if len(set(found.values())) != 1:
            raise AssertionError(found)
        return found["metrics"]

    return await eventually(alike, interval_s=0.5)
