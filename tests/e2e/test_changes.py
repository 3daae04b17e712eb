"""What changed, and the bots side by side, in a real browser."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from playwright.async_api import Page, expect

from chat_api.changes.journal import ConfigurationJournal
from chat_api.changes.schemas import Facts, Group, Start
from chat_api.core.database import Database
from models import Role
from tests.e2e.test_console import sign_in
from tests.e2e.test_incidents import check_look
from tests.support.api import MakeSettings
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole, running_console

NAMES = ("aethys", "aria", "dotty", "dream", "elena", "gabriel", "jake", "marcus", "nottaylor", "ryan", "sophia")
LONG_MS = 60_000


@pytest.fixture
async def fleet(make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A fleet that nobody answers for, and what is recorded of it."""
    entries = [{"name": name, "url": f"http://127.0.0.1:9/{name}"} for name in NAMES]
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(entries))
    async with running_console(make_settings(bots_config=tmp_path / "fleet.yaml")) as console:
        await _record(console)
        yield console


async def _record(console: RunningConsole) -> None:
    assert console.settings.database_url is not None
    database = Database(console.settings.database_url.get_secret_value(), pool_size=2)
    journal = ConfigurationJournal(database, console.services.fleet_changes.values)
    now = datetime.now(UTC)
    try:
        for number, name in enumerate(NAMES):
            at = now - timedelta(days=9, minutes=number)
            await journal.started(name, Start(key=f"engine:{name}@1", at=at), _facts(journal, name))
        at = now - timedelta(hours=3)
        changed = _facts(journal, "elena", digest="b", model="mistralai/mistral-large-2512", level="DEBUG", token="2")
        await journal.started("elena", Start(key="engine:elena2@1", at=at), changed)
        for minute in range(40):
            at = now - timedelta(minutes=100 - minute)
            await journal.started("jake", Start(key=f"engine:jake@{minute}", at=at), {})
        await journal.told("dream", {}, at=now - timedelta(hours=2))
        flags: Facts = {Group.FLAG: {"proactive": "=off", "<b>voice</b>": "=on"}}
        await journal.told("dream", flags, at=now - timedelta(hours=1))
    finally:
        await database.dispose()


def _facts(
    journal: ConfigurationJournal,
    name: str,
    *,
    digest: str = "a",
    model: str = "anthropic/claude-sonnet-4.5",
    level: str = "INFO",
    token: str = "1",
) -> Facts:
    values = journal.values
    return {
        Group.IMAGE: {"image": "=whisperengine-v2:latest", "digest": f"=sha256:{digest * 64}"},
        Group.ENVIRONMENT: {
            "API_PORT": f"={8000 + NAMES.index(name)}",
            "LOG_LEVEL": f"={level}",
            "DISCORD_TOKEN": values.hidden("DISCORD_TOKEN", name + token),
            "ENABLE_AUTONOMOUS_ACTIVITY": "=true",
            "OPENROUTER_API_KEY": values.hidden("OPENROUTER_API_KEY", "another" if name == "ryan" else "shared"),
        },
        Group.LIMITS: {"memory limit": "=2048 MiB", "restart policy": "=unless-stopped"},
        Group.CHARACTER: {f"{name}/core.yaml": values.hidden("core.yaml", digest)},
        Group.MODEL: {"main": f"={model}", "reflective": "=openai/gpt-4o", "router": "=openai/gpt-4o-mini"},
        Group.FLAG: {"proactive": "=on", "<b>voice</b>": "=on"},
        Group.VERSION: {"version": "=2.5.0"},
    }


@pytest.mark.browser
async def test_what_changed_is_read_by_bot_and_the_odd_ones_stand_out(
    fleet: RunningConsole, page: Page, open_context: OpenContext
) -> None:
    """In time and by a filter, on a bot's page and in its incident; in the matrix, at a desk and on a phone."""
    await sign_in(page, fleet, Role.VIEWER, path="/admin/changes")
    changes = page.get_by_test_id("changes")
    elena = changes.locator('li[data-bot="elena"]').first
    await expect(elena.locator('[data-kind="model"]')).to_contain_text("mistralai/mistral-large-2512")
    await expect(elena.locator("li", has_text="DISCORD_TOKEN")).to_contain_text("changed (value hidden)")
    await expect(changes.locator('li[data-bot="jake"]')).to_contain_text("41 starts")
    await expect(changes.locator('li[data-bot="dream"]').first).to_contain_text("While running")
    await check_look(page, "changes")
    await page.locator('select[name="kind"]').select_option(label="Flag")
    await page.get_by_role("button", name="Filter").click()
    await expect(page).to_have_url(f"{fleet.url}/admin/changes?kind=flag")
    await expect(changes.locator("li[data-bot]")).to_have_count(1)

    await page.goto(f"{fleet.url}/admin/bots/elena")
    panel = page.get_by_test_id("bot-changes")
    await expect(panel).to_contain_text("2 starts known")
    await expect(panel.locator('[data-kind="environment"]')).not_to_have_count(0)
    await check_look(page, "bot-changes")
    await page.goto(f"{fleet.url}/admin/bots/elena?tab=uptime")
    await expect(page.get_by_test_id("change-marks")).to_contain_text("1 change in this period")
    await expect(page.get_by_test_id("change-marks").locator("rect title")).to_contain_text("DISCORD_TOKEN")
    await check_look(page, "bot-uptime")
    await page.goto(f"{fleet.url}/admin/incidents")
    incident = page.get_by_test_id("incidents").get_by_role("link").filter(has_text="elena")
    await expect(incident).to_be_visible(timeout=LONG_MS)
    await incident.click()
    await expect(page.get_by_test_id("incident-changes")).to_contain_text("mistralai/mistral-large-2512")
    await check_look(page, "incident-changes")

    await page.goto(f"{fleet.url}/admin/matrix")
    matrix = page.get_by_test_id("matrix")
    await expect(page.get_by_test_id("odd-ones")).to_contain_text("3 bots differ from most others")
    await expect(matrix.locator('tr[data-bot="elena"] .we-odd').first).to_contain_text("mistralai/mistral-large-2512")
    await expect(matrix.locator('tr[data-bot="aria"] .we-odd')).to_have_count(0)
    await check_look(page, "matrix")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").click()
    assert (await download.value).suggested_filename == "matrix.csv"
    await page.get_by_role("link", name="Environment", exact=True).click()
    await expect(matrix.locator('tr[data-bot="ryan"] .we-odd')).to_have_count(1)

    phone = await (await open_context(viewport={"width": 390, "height": 844})).new_page()
    await sign_in(phone, fleet, Role.VIEWER, path="/admin/matrix")
    first = phone.locator('tr[data-bot="elena"] th')
    before = await first.bounding_box()
    await phone.locator(".we-matrix-box").evaluate("box => { box.scrollLeft = 400; }")
    after = await first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] == pytest.approx(before["x"], abs=1)
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 390
    await check_look(phone, "matrix-phone")
    await phone.goto(f"{fleet.url}/admin/changes")
    await expect(phone.get_by_test_id("changes")).to_contain_text("41 starts")
    await check_look(phone, "changes-phone")
