"""The page of one bot without a browser: how it is, what can be done, and that others do not disturb it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chat_api.fleet.schemas import BotStatus, SyntheticCheckView
from models import Role
from tests.support.console_app import RunningConsole
from tests.support.console_page import opened_page
from tests.support.elements import by_testid, is_shown, markup, text
from tests.support.eventually import eventually

ACTIONS = ("do-restart", "do-start", "do-stop", "do-maintenance", "do-end_maintenance", "do-remove", "do-try")
# Of a day to come: what a synthetic check said is believed for a minute, and a machine may take longer to get there.
FAILED = SyntheticCheckView(
    bot_name="elena", is_answered=False, checked_at=datetime.now(UTC) + timedelta(days=1), error="<no answer>"
)


def _is_online(console: RunningConsole) -> bool:
    bots = console.services.fleet.current().bots
    return len(bots) == 2 and all(bot.status is BotStatus.ONLINE for bot in bots)


def _tells_of(bot_name: str, message: dict[str, Any]) -> bool:
    return any(
        bot["name"] == bot_name and bot.get("synthetic_check") for bot in message.get("changes", {}).get("bots", [])
    )


async def test_it_says_how_the_bot_is_and_why(console_app: RunningConsole) -> None:
    """With what one may do, and why not now; its words are text."""
    await eventually(lambda: _is_online(console_app))
    token = await console_app.admin_login(Role.OPERATOR)
    async with opened_page(console_app, token, "/admin/bots/elena") as page:
        head = by_testid(page.client, "bot-head")
        await eventually(lambda: head.props["data-status"] == BotStatus.ONLINE)
        assert "Online" in text(head)
        offered = [name for name in ACTIONS if is_shown(page.client, name)]
        assert offered == ["do-restart", "do-start", "do-stop", "do-maintenance", "do-try"]
        assert "disabled" in by_testid(page.client, "do-restart").props
        assert "disabled" not in by_testid(page.client, "do-maintenance").props
        assert "24 h" in markup(page.client.content)

        console_app.services.fleet.record_synthetic_check(FAILED)
        await eventually(lambda: head.props["data-status"] == BotStatus.DEGRADED)
        assert "no answer to a test message: &lt;no answer&gt;" in markup(head)


async def test_a_page_of_one_bot_is_sent_no_other(console_app: RunningConsole) -> None:
    """Another bot's trouble changes nothing on it, and it is sent no message of the fleet."""
    await eventually(lambda: _is_online(console_app))
    token = await console_app.admin_login(Role.VIEWER)
    async with (
        opened_page(console_app, token, "/admin") as board,
        opened_page(console_app, token, "/admin/bots/elena") as page,
    ):
        console_app.services.fleet.record_synthetic_check(replace(FAILED, bot_name="marcus"))
        await eventually(lambda: any(_tells_of("marcus", message) for message in board.messages))
        assert page.messages == []
        assert "no answer" not in markup(page.client.content)


async def test_a_bot_that_leaves_is_gone_and_may_come_back(console_app: RunningConsole) -> None:
    """The page says so instead of what was true once."""
    await eventually(lambda: _is_online(console_app))
    fleet = console_app.services.fleet.current()
    token = await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, token, "/admin/bots/elena") as page:
        (_, _, show) = console_app.app.state.fleet_feed._bot_pages[page.client.id]
        show(None, fleet)
        assert "This bot is gone" in text(by_testid(page.client, "gone"))
        assert not is_shown(page.client, "bot-head")
        assert not is_shown(page.client, "facts")
        show(fleet.bots[0], fleet)
        assert not is_shown(page.client, "gone")
        assert is_shown(page.client, "facts")
