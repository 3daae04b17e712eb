"""Open pages hear of changes, and end with their session; nothing of a closed one stays."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from nicegui import Client

from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import BotStatus
from console.live.open_pages import SESSION_ENDED, OpenPages
from models import AuditOutcome, Role
from tests.support.console_app import RunningConsole
from tests.support.console_page import OpenedPage, opened_page
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


def _open_pages(console: RunningConsole) -> OpenPages:
    pages: OpenPages = console.app.state.open_pages
    return pages


def _status(page: OpenedPage, name: str) -> str | None:
    """What the page shows for a bot, from everything it was sent."""
    status: str | None = None
    for message in page.messages:
        bots: list[dict[str, Any]] = (message.get("all") or message["changes"]).get("bots", [])
        status = next((bot.get("status", status) for bot in bots if bot["name"] == name), status)
    return status


async def test_a_change_reaches_every_open_page(console_app: RunningConsole, elena: RunningBot) -> None:
    """Two people see the same bot go down, and the numbers of what they were sent have no gap."""
    admin, viewer = await console_app.admin_login(), await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, admin) as one, opened_page(console_app, viewer) as other:
        await eventually(lambda: _status(one, "elena") == _status(other, "elena") == BotStatus.ONLINE)
        await elena.kill()
        await eventually(lambda: _status(one, "elena") == _status(other, "elena") == BotStatus.OFFLINE)
        for page in (one, other):
            numbers = [message["seq"] for message in page.messages]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_an_increment_holds_only_what_changed(console_app: RunningConsole) -> None:
    """After the first message a bot's bar grows by the new checks alone."""
    async with opened_page(console_app, await console_app.admin_login()) as page:
        await eventually(lambda: sum("bots" in message.get("changes", {}) for message in page.messages) >= 3)
        whole, *increments = page.messages
        assert "all" in whole
        for message in increments:
            assert all(len(bot.get("new_beats", [])) <= 2 for bot in message["changes"].get("bots", []))


async def test_closed_pages_leave_nothing_behind(console_app: RunningConsole) -> None:
    """Twenty pages, opened and closed, are gone from the registry and from NiceGUI."""
    token = await console_app.admin_login()
    pages = _open_pages(console_app)
    for _ in range(4):
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(_visit(console_app, token))
    await eventually(lambda: len(pages) == 0)
    assert Client.instances == {}


async def _visit(console: RunningConsole, token: str) -> None:
    async with opened_page(console, token) as page:
        await eventually(lambda: page.messages)


async def test_an_ended_session_closes_its_pages(console_app: RunningConsole) -> None:
    """Signing out elsewhere lets the open page ask anew who may see it and stops what it is sent; others go on."""
    ending, staying = await console_app.admin_login(Role.ADMIN), await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, ending) as page, opened_page(console_app, staying) as other:
        await eventually(lambda: page.messages and other.messages)
        auth = console_app.services.auth
        await auth.leave(ending)
        await eventually(lambda: SESSION_ENDED in page.scripts)
        told, others = len(page.messages), len(other.messages)
        await page.send("resync", None)
        await eventually(lambda: len(other.messages) >= others + 3)
        assert len(page.messages) == told
        assert SESSION_ENDED not in other.scripts


async def test_a_page_that_is_opened_during_a_check_stays(
    console_app: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check asks for the sessions of a moment; what it does not know of a later page is no end of its session."""
    pages, auth = _open_pages(console_app), console_app.services.auth
    is_asked, may_answer = asyncio.Event(), asyncio.Event()
    living = auth.living

    async def slow(session_ids: Iterable[UUID]) -> dict[UUID, Principal]:
        found = await living(session_ids)
        is_asked.set()
        await may_answer.wait()
        return found

    early, late = await console_app.admin_login(Role.ADMIN), await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, early) as one:
        await eventually(lambda: one.messages)
        monkeypatch.setattr(auth, "living", slow)
        check = asyncio.create_task(pages.check_sessions())
        await is_asked.wait()
        monkeypatch.setattr(auth, "living", living)
        async with opened_page(console_app, late) as other:
            await eventually(lambda: other.messages)
            may_answer.set()
            await check
            assert other.client in pages
            assert SESSION_ENDED not in one.scripts + other.scripts


async def test_a_viewers_event_restarts_nothing(console_app: RunningConsole) -> None:
    """The page of a viewer has no button, and a forged click is denied by the service and leaves a line."""
    viewer = await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, viewer) as page:
        await eventually(lambda: page.messages)
        await page.send("act", {"action": "restart", "names": ["elena"]})

        async def denied() -> bool:
            auditor = await console_app.services.auth.authenticate(viewer, is_admin=True)
            lines = await console_app.services.audit.find(auditor)
            return any(line.action == Permission.RESTART_BOT and line.outcome is AuditOutcome.DENIED for line in lines)

        await eventually(denied)


async def test_hostile_events_hurt_nobody(console_app: RunningConsole) -> None:
    """What a browser sends may be anything; the page lives on."""
    async with opened_page(console_app, await console_app.admin_login()) as page:
        await eventually(lambda: page.messages)
        names: tuple[object, ...] = (None, 7, [], {"name": "elena"}, "x" * 50_000, "\ud83d\udc7b\x00", "../elena")
        wishes = [{"action": action, "names": value} for value in names for action in ("restart", "fly", None)]
        wishes += [{"action": "restart", "names": [name], "minutes": name} for name in names]
        for value in (*names, *wishes):
            for event in ("act", "ask", "try"):
                await page.send(event, value)
        messages: tuple[object, ...] = (None, 7, [], "x", {}, {"client_id": 7}, {"client_id": "x"})
        for message in messages:
            await page.sio.emit("event", message)
        received = len(page.messages)
        await eventually(lambda: len(page.messages) > received)
