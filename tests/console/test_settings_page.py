"""The Settings page without a browser: what is said of a setting, and what an edit does to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chat_api.core.errors import InvalidInput
from chat_api.settings.schemas import Announcement, Effect, SettingView, Source
from console.pages.settings.all_settings import AllSettings, is_found, setting
from console.pages.settings.page import affected_text, ignored_part
from console.pages.settings.panels import Fields, announcement_mark, moment_of
from models import Role
from tests.support.console_app import RunningConsole
from tests.support.console_page import opened_page
from tests.support.elements import by_testid, is_shown, markup, text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = SettingView(
    name="bot_api_timeout",
    meaning="Seconds a bot may take. `0`: none",
    value="30",
    source=Source.DEFAULT,
    effect=Effect.AT_ONCE,
    default="30",
    environment=None,
    here=None,
)
OTHER = replace(VIEW, name="log_level", meaning="Least level", effect=Effect.ENVIRONMENT_ONLY, value="<b>")


def test_an_announcement_has_its_time() -> None:
    """Off, to come, now, over."""
    said = Announcement(text="x", starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    moments = {NOW - timedelta(seconds=1): "scheduled", NOW: "live", NOW + timedelta(hours=2): "ended"}
    assert {now: announcement_mark(said, now).label for now in moments} == moments
    assert announcement_mark(None, NOW).label == "off"


def test_a_moment_is_what_the_browser_says_of_it() -> None:
    """Unix seconds; nothing; or no moment at all."""
    assert moment_of(NOW.timestamp()) == NOW
    assert moment_of(None) is None
    assert moment_of(True) is None
    with pytest.raises(InvalidInput):
        moment_of(1e20)


def test_a_setting_says_where_its_value_comes_from() -> None:
    """Its default, the environment, or who set it here, instead of what; what comes from outside is text."""
    assert "applies immediately" in setting(VIEW, may_manage=False)
    assert "Seconds a bot may take. 0: none" in setting(VIEW, may_manage=False)
    assert "default: 30" in setting(replace(VIEW, source=Source.ENVIRONMENT), may_manage=False)
    here = replace(VIEW, source=Source.HERE, here="12", changed_by="<alice>", changed_at=NOW, environment="20")
    said = setting(here, may_manage=True)
    assert "by &lt;alice&gt;, " in said
    assert "environment: 20" in said
    assert 'data-testid="reset-bot_api_timeout"' in said
    assert "data-do" not in setting(here, may_manage=False)
    assert "data-do" not in setting(OTHER, may_manage=True)
    assert "&lt;b&gt;" in setting(OTHER, may_manage=True)
    assert "9 after a restart" in setting(replace(VIEW, waiting="9"), may_manage=True)
    edited = setting(VIEW, may_manage=True, editing=('"0', "<too small>"))
    assert 'value="&quot;0"' in edited
    assert "&lt;too small&gt;" in edited


def test_words_for_people_and_for_rows_of_no_use() -> None:
    """In the number that it is; rows are text."""
    assert [affected_text(count).split(" written")[0] for count in (0, 1, 7)] == [
        "No one has",
        "1 person has",
        "7 people have",
    ]
    assert "&lt;row&gt;" in ignored_part(("<row>",))
    assert is_found(VIEW, "api timeout")
    assert is_found(VIEW, "seconds")
    assert not is_found(VIEW, "level")


async def test_an_edit_ends_when_it_is_taken(console_app: RunningConsole) -> None:
    """What is typed stays while it is refused, and whatever others change meanwhile."""
    asked: list[Fields] = []

    async def change(fields: Fields) -> None:
        asked.append(fields)

    token = await console_app.admin_login(Role.ADMIN)
    async with opened_page(console_app, token, "/admin/restarts") as page:
        with page.client.content:
            board = AllSettings((VIEW, OTHER), may_manage=True, on_change=change)
        article = by_testid(page.client, "setting-bot_api_timeout")
        await board.press({"do": "edit", "name": "bot_api_timeout"})
        assert 'data-testid="setting-field"' in markup(article)
        await board.press({"do": "set", "name": "bot_api_timeout", "value": "0"})
        assert asked == [{"what": "set", "name": "bot_api_timeout", "value": "0"}]
        board.answer("bot_api_timeout", "too small")
        board.show((replace(VIEW, value="31"), OTHER))
        assert "too small" in markup(article)
        assert 'value="0"' in markup(article)
        board.answer("bot_api_timeout")
        assert "31" in text(article)

        await board.press({"do": "reset", "name": "nothing"})
        await board.press({"do": "set", "name": "log_level", "value": "x"})
        assert len(asked) == 1
        board.find("level")
        assert not is_shown(page.client, "setting-bot_api_timeout")
        assert is_shown(page.client, "setting-log_level")
        board.find("nothing is called that")
        assert not is_shown(page.client, "setting-log_level")
