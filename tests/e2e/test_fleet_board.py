"""The Fleet page in a real browser: columns, groups, many bots, the keyboard, and five hundred of them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from playwright.async_api import Locator, Page, expect

from chat_api.bots.schemas import Probe
from chat_api.core.principals import Permission, Principal
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerUsage, ContainerView
from chat_api.fleet.reports import PoliciesReport, ServiceReport, StatisticsReport
from chat_api.fleet.schemas import BotPolicy, BotStatistics, BotStatus, Heartbeat, ServiceStatus, SyntheticCheckView
from console.pages.fleet import actions as fleet_actions
from console.pages.fleet.actions import ActionRequest, BoardAction
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole, running_console
from tests.support.eventually import eventually

pytestmark = pytest.mark.browser
NAMES = ("elena", "marcus", "ryan", "dream", "gabriel", "jake")
ROWS = "tbody tr[data-bot]"
MEMORY_BYTES = 412 * 1024 * 1024


@pytest.fixture
async def console(make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """Six bots that are as the test tells: the service asks them once at its start and then not for ten minutes."""
    async with _console(make_settings, tmp_path, NAMES) as running:
        yield running


def _console(
    make_settings: MakeSettings, folder: Path, names: tuple[str, ...]
) -> AbstractAsyncContextManager[RunningConsole]:
    path = folder / "crowd.yaml"
    path.write_text(yaml.safe_dump([{"name": name, "url": "http://127.0.0.1:9/" + name} for name in names]))
    return running_console(make_settings(bots_config=path, bot_health_check_interval=600.0, bot_canary_interval=0))


async def _settled(console: RunningConsole, *, down: tuple[str, ...] = ()) -> None:
    """Wait for the first checks, then make every bot well, in a container, with figures."""
    fleet = console.services.fleet

    def unchecked() -> int:
        return sum(bot.last_checked_at is None for bot in fleet.current().bots)

    await eventually(lambda: unchecked() == 0, progress=unchecked)
    await eventually(lambda: len(fleet.current().services) >= 4)
    await console.hold_still()
    names = [bot.name for bot in fleet.current().bots]
    now = datetime.now(UTC)
    for name in names:
        fleet._states[name].heartbeats.clear()
        fleet.restore_heartbeats(name, _bar(now))
        fleet.record_probe(_probe(name, now, is_healthy=name not in down))
        fleet.record_usage(ContainerUsage(bot_name=name, measured_at=now, cpu_percent=12.5, memory_bytes=MEMORY_BYTES))
    fleet.record_containers(tuple(_container(name, now, number) for number, name in enumerate(names)))
    figures = BotStatistics(
        uptime_24h=0.9993, uptime_7d=1.0, p50_ms=700, p95_ms=2100, messages_per_min=3.5, error_rate=0
    )
    fleet.record_statistics(StatisticsReport(reported_at=now, bots=dict.fromkeys(names, figures)))
    fleet.record_service(
        ServiceReport(name="docker", title="Docker", status=ServiceStatus.HEALTHY, checked_at=now, latency_ms=4.0)
    )


def _bar(now: datetime) -> list[Heartbeat]:
    return [
        Heartbeat(checked_at=now - timedelta(seconds=5 * (90 - n)), status=BotStatus.ONLINE, latency_ms=9.0)
        for n in range(89)
    ]


def _probe(name: str, now: datetime, *, is_healthy: bool = True) -> Probe:
    return Probe(
        bot_name=name,
        is_healthy=is_healthy,
        checked_at=now,
        latency_ms=9.0 if is_healthy else None,
        contract="v1",
        error=None if is_healthy else "cannot connect",
    )


def _container(name: str, now: datetime, number: int = 0) -> ContainerView:
    return ContainerView(
        bot_name=name,
        kind=ContainerKind.CONTAINER,
        id=name,
        name=f"whisperengine-{name}-bot",
        state=ContainerState.RUNNING,
        is_managed=True,
        last_seen_at=now,
        image=f"whisperengine:1.4.{number % 2}",
        started_at=now - timedelta(hours=3),
    )


async def _open(page: Page, console: RunningConsole, role: Role = Role.OPERATOR, *, query: str = "") -> None:
    await sign_in(page, console, role, path="/admin" + query)
    await expect(page.locator(ROWS).first).to_be_visible()


async def _shown(page: Page) -> list[str]:
    """The bots on the page from top to bottom."""
    names: list[str] = await page.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.bot)")
    return names


async def test_why_a_bot_is_as_it_is(console: RunningConsole, page: Page) -> None:
    """A synthetic check that failed, a cause, a maintenance and a quarantine each say so in the row."""
    await _settled(console, down=("ryan",))
    fleet, now = console.services.fleet, datetime.now(UTC)
    fleet.record_synthetic_check(
        SyntheticCheckView(bot_name="jake", is_answered=False, checked_at=now, error="no answer in time")
    )
    until, since = now + timedelta(hours=1), now - timedelta(minutes=1)
    fleet.record_policies(
        PoliciesReport(
            reported_at=now,
            policies=(
                BotPolicy(
                    bot_name="marcus",
                    changed_at=now,
                    maintenance_since=since,
                    maintenance_until=until,
                    maintenance_reason="new model",
                ),
                BotPolicy(bot_name="dream", changed_at=now, quarantined_at=now, quarantine_reason="3 restarts"),
            ),
        )
    )
    await _open(page, console)

    def note(name: str) -> Locator:
        return page.get_by_test_id(f"bot-{name}").get_by_test_id("note")

    await expect(note("jake")).to_contain_text("no answer to a test message: no answer in time")
    await expect(note("marcus")).to_contain_text("new model")
    await expect(note("dream")).to_have_text("3 restarts")
    await expect(note("ryan")).to_have_text("cannot connect")
    fleet.record_service(
        ServiceReport(name="redis", title="Redis", status=ServiceStatus.UNHEALTHY, checked_at=now, error="refused")
    )
    await expect(note("ryan")).to_have_text("because Redis is down")
    await expect(page.get_by_test_id("banner")).to_contain_text("Redis is down")
    await page.get_by_test_id("group").select_option("cause")
    await expect(page.get_by_test_id("group-row").first).to_contain_text("Redis is down")
    await page.get_by_test_id("show-problems").click()

    async def only_those() -> bool:
        return sorted(await _shown(page)) == ["dream", "jake", "ryan"]

    await eventually(only_those)


async def test_the_view_is_in_the_address_and_the_columns_in_the_browser(console: RunningConsole, page: Page) -> None:
    """Filter, sort and group survive being sent to somebody; which columns are shown is the reader's own."""
    await _settled(console, down=("ryan",))
    await _open(page, console)
    await page.get_by_test_id("filter").fill("a")
    await page.get_by_test_id("chip-online").click()
    await page.get_by_test_id("group").select_option("image")
    await page.get_by_role("button", name="Bot", exact=True).click()
    await page.get_by_role("button", name="Bot", exact=True).click()
    await expect(page).to_have_url(f"{console.url}/admin?status=online&q=a&sort=-name&group=image")
    await expect(page.locator("th[aria-sort=descending]")).to_contain_text("Bot")
    expected = await _shown(page)

    await page.get_by_test_id("columns").click()
    await expect(page.locator("th.we-head-restarts")).to_have_count(0)
    await page.get_by_test_id("column-restarts").check()
    await page.get_by_test_id("column-p95").uncheck()
    await page.get_by_test_id("columns-done").click()
    await page.reload()
    await expect(page.locator("th.we-head-restarts")).to_be_visible()
    await expect(page.locator("th.we-head-p95")).to_have_count(0)

    async def as_before() -> bool:
        return await _shown(page) == expected

    await eventually(as_before)
    await expect(page.locator("th[aria-sort=descending]")).to_contain_text("Bot")
    await page.get_by_test_id("columns").click()
    await page.get_by_test_id("columns-auto").click()
    await expect(page.locator("th.we-head-p95")).to_be_visible()


async def test_many_are_asked_about_once(console: RunningConsole, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question names the bots that it makes sense for and says how many people it touches; a yes does it to all."""
    done: list[ActionRequest] = []

    async def note(_: Principal, wish: ActionRequest) -> None:
        done.append(wish)

    for action in ("restart", "stop", "start", "maintenance", "rolling"):
        monkeypatch.setitem(fleet_actions.BOT_ACTIONS, action, BoardAction(permission=Permission.STOP_BOT, run=note))
    await _settled(console)
    fleet = console.services.fleet
    fleet.record_containers(tuple(_container(name, datetime.now(UTC)) for name in NAMES if name != "jake"))
    await _open(page, console, query="?sort=name")
    await page.get_by_test_id("bot-elena").get_by_role("checkbox").check()
    await page.get_by_test_id("bot-marcus").get_by_role("checkbox").click(modifiers=["Shift"])
    bulk = page.get_by_test_id("bulk")
    await expect(bulk).to_contain_text("4 selected")  # elena, gabriel, jake and marcus
    await expect(page.get_by_test_id("bulk-start")).to_be_disabled()
    await page.get_by_test_id("bulk-stop").click()
    dialog = page.get_by_test_id("confirm-stop")
    await expect(dialog).to_contain_text("Stop 3 bots?")
    await expect(dialog.get_by_test_id("named")).to_have_text("Elena Rodriguez, Gabriel, Marcus Thompson")
    await expect(dialog.get_by_test_id("affected-users")).to_contain_text("No one is talking to them right now.")
    await expect(dialog.get_by_test_id("skipped")).to_contain_text("1 selected bot is left out")
    assert done == []
    await dialog.get_by_test_id("confirm").click()
    await eventually(lambda: done)
    assert done == [ActionRequest(action="stop", names=("elena", "gabriel", "marcus"))]
    await expect(bulk).to_have_count(0)

    await page.get_by_test_id("select-all").check()
    await page.get_by_test_id("bulk-maintenance").click()
    dialog = page.get_by_test_id("confirm-maintenance")
    await dialog.get_by_label("For").select_option("240")
    await dialog.get_by_label("Reason").fill("new model")
    await dialog.get_by_test_id("confirm").click()
    await eventually(lambda: len(done) == 2)
    assert (len(done[1].names), done[1].minutes, done[1].reason) == (6, 240, "new model")

    await page.get_by_test_id("more-elena").click()
    await expect(page.get_by_role("menuitem")).to_have_text(
        ["Open", "Restart", "Start", "Stop", "Maintenance", "Logs", "Send a test message"]
    )
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_test_id("menu-restart")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("confirm-restart")).to_contain_text("Restart Elena Rodriguez?")


async def test_the_keyboard_is_enough(console: RunningConsole, page: Page) -> None:
    """Move, select, ask for a restart, find, open: without the mouse."""
    await _settled(console)
    await _open(page, console, query="?sort=name")
    order = await _shown(page)

    async def expect_at(name: str) -> None:
        await expect(page.get_by_test_id(f"bot-{name}").locator(".we-row-link")).to_be_focused()

    for key, place in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0)):
        await page.keyboard.press(key)
        await expect_at(order[place])
    await page.keyboard.press("x")
    await expect(page.get_by_test_id("bulk")).to_contain_text("1 selected")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("bulk")).to_have_count(0)
    await page.keyboard.press("r")
    await expect(page.get_by_test_id("confirm-restart")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await page.keyboard.type("jr")
    await expect(page.get_by_test_id("filter")).to_have_value("jr")
    await expect(page.get_by_test_id("confirm-restart")).to_be_hidden()
    await page.keyboard.press("Escape")
    await page.get_by_test_id("filter").evaluate("input => input.blur()")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{console.url}/admin/bots/{order[1]}")
    await page.go_back()
    await expect(page.locator(ROWS).first).to_be_visible()
    await page.keyboard.press("j")
    await expect_at(order[0])
    await page.keyboard.press("l")
    await expect(page).to_have_url(f"{console.url}/admin/logs?bots={order[0]}")


async def test_five_hundred_bots(make_settings: MakeSettings, page: Page, tmp_path: Path) -> None:
    """A bounded document, however many bots there are, and a change that touches one row only."""
    names = tuple(f"bot{number:03}" for number in range(500))
    async with _console(make_settings, tmp_path, names) as console:
        await _settled(console)
        await _open(page, console, query="?sort=name")
        await page.goto(f"{console.url}/admin?sort=name", wait_until="commit")
        await page.locator(ROWS).first.wait_for()
        assert 0 < await page.locator(ROWS).count() < 60
        assert await page.evaluate("document.querySelectorAll('*').length") < 3000

        await page.evaluate(
            """() => {
                window.touched = new Set();
                new MutationObserver((records) => {
                    for (const { target } of records) {
                        const element = target.nodeType === 1 ? target : target.parentElement;
                        touched.add(element?.closest("tr")?.dataset.bot ?? element?.tagName);
                    }
                }).observe(document.querySelector("tbody"),
                    { attributes: true, characterData: true, childList: true, subtree: true });
            }"""
        )
        console.services.fleet.record_probe(_probe("bot003", datetime.now(UTC), is_healthy=False))
        await page.wait_for_function("touched.size > 0")
        assert await page.evaluate("[...touched]") == ["bot003"]

        await page.mouse.wheel(0, 14_000)
        await page.get_by_test_id("bot-bot250").wait_for()
        assert await page.locator(ROWS).count() < 60
        await page.keyboard.press("End")
        await page.get_by_test_id("bot-bot499").wait_for()
        await page.keyboard.press("k")
        await expect(page.get_by_test_id("bot-bot000").locator(".we-row-link")).to_be_focused()
        await page.get_by_test_id("filter").fill("bot42")
        await expect(page.locator(ROWS)).to_have_count(10)


async def test_it_fits_every_screen_and_everybody(console: RunningConsole, open_context: OpenContext) -> None:
    """From 360 to 2560 px the body never scrolls sideways, on the widest every column is there; axe is content."""
    await _settled(console, down=("ryan",))
    for width in (360, 768, 1440, 2560):
        context = await open_context(viewport={"width": width, "height": 900})
        page = await context.new_page()
        await _open(page, console)
        await page.get_by_test_id("bot-elena").get_by_role("checkbox").check()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        columns = await page.locator("thead th").count()
        assert columns == (20 if width == 2560 else columns)
        assert await violations(page) == [], width
    await page.get_by_test_id("columns").click()
    assert await violations(page) == []
