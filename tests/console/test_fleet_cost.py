"""What the Fleet page costs the server does not grow with the fleet, nor with who is looking."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import yaml
from sqlalchemy import event

from chat_api.bots.schemas import Probe
from chat_api.core.principals import Principal
from chat_api.fleet.schemas import Heartbeat
from tests.support.api import MakeSettings
from tests.support.console_app import RunningConsole, running_console
from tests.support.console_page import opened_page, page_html
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

MANY = 500
MOST_STATEMENTS = 5
VIEWERS = 20


@pytest.fixture
async def crowd(make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """The application with five hundred bots that nobody answers for, each with a full bar of checks."""
    path = tmp_path / "crowd.yaml"
    path.write_text(yaml.safe_dump([{"name": f"bot{n}", "url": f"http://127.0.0.1:9/{n}"} for n in range(MANY)]))
    async with running_console(make_settings(bots_config=path, bot_health_check_interval=600.0)) as console:
        fleet = console.services.fleet
        await eventually(lambda: all(bot.last_checked_at for bot in fleet.current().bots))
        await console.hold_still()  # else five hundred incidents open meanwhile, with evidence of each
        yield console


@contextmanager
def _counted(console: RunningConsole) -> Iterator[list[str]]:
    """What this application asks its database; others in this process have theirs."""
    engine = console.services.restarts.history._database.engine.sync_engine
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_five_hundred_bots_are_opened_in_five_statements(crowd: RunningConsole) -> None:
    """The page, the page of one bot and the API's list, while nothing else is asked."""
    token = await crowd.admin_login()
    for path in ("/admin", "/admin/bots/bot7"):
        with _counted(crowd) as statements:
            await page_html(crowd, token, path)
        assert len(statements) <= MOST_STATEMENTS, path
    async with crowd.client(token) as client:
        with _counted(crowd) as statements:
            answer = await client.get("/api/admin/bots")
    assert len(answer.json()["bots"]) == MANY
    assert len(statements) <= MOST_STATEMENTS


async def test_the_question_about_many_bots_is_one_statement(crowd: RunningConsole) -> None:
    """How many people five hundred bots are talking with."""
    principal = await _admin(crowd)
    names = [bot.name for bot in crowd.services.fleet.current().bots]
    with _counted(crowd) as statements:
        assert (await crowd.services.restarts.history.affected(principal, names)).total == 0
    assert len([statement for statement in statements if "web_conversations" in statement]) == 1


async def test_everything_of_five_hundred_bots_is_there_at_once(crowd: RunningConsole) -> None:
    """From the request to all bots and their bars in the hand of the page, in less than a second."""
    fleet, token = crowd.services.fleet, await crowd.admin_login()
    for bot in fleet.current().bots:
        assert bot.last_checked_at is not None
        state = fleet._states[bot.name]
        state.heartbeats.extend(
            Heartbeat(checked_at=bot.last_checked_at, status=bot.status, latency_ms=number * 1.1)
            for number in range(89)
        )
        fleet._update(bot.name)
    await asyncio.sleep(0.2)
    async with opened_page(crowd, token) as page:
        await eventually(partial(getattr, page, "messages"))
        assert [len(bot["beats"][2]) for bot in page.messages[0]["all"]["bots"]] == [90] * MANY


async def test_twenty_viewers_cause_no_check_more(console_app: RunningConsole, elena: RunningBot) -> None:
    """The bots are asked at the same pace, whoever looks."""
    probes: list[float] = []
    token = await console_app.admin_login()

    def note(report: object) -> None:
        if isinstance(report, Probe) and report.bot_name == elena.name:
            probes.append(report.checked_at.timestamp())

    async with asyncio.TaskGroup() as group:
        closing = asyncio.Event()
        opened = [group.create_task(_view(console_app, token, closing)) for _ in range(VIEWERS)]
        await eventually(lambda: len(console_app.app.state.open_pages) == VIEWERS)
        with console_app.services.fleet.reports.listening(note):
            await eventually(lambda: len(probes) >= 6)
        closing.set()
    assert len(opened) == VIEWERS
    interval_s = console_app.settings.bot_health_check_interval
    assert (probes[-1] - probes[0]) / (len(probes) - 1) > interval_s / 2


async def _view(console: RunningConsole, token: str, closing: asyncio.Event) -> None:
    async with opened_page(console, token):
        await closing.wait()


async def _admin(console: RunningConsole) -> Principal:
    return await console.services.auth.authenticate(await console.admin_login(), is_admin=True)
