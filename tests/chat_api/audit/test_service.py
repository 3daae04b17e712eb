"""The audit trail: found by what it says, page by page, and never changed."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chat_api.audit.schemas import AuditQuery, AuditView
from chat_api.core.clock import SYSTEM_CLOCK
from chat_api.core.database import Database
from chat_api.core.errors import NotAuthenticated
from models import AuditOutcome, Role
from tests.support.api import RunningApi


async def test_lines_are_found_by_all_that_is_asked(api: RunningApi) -> None:
    """Who, what (by its beginning), to what, how it ended and when; all of them have to fit."""
    audit = api.services.audit
    viewer = await api.services.auth.authenticate(await api.admin_login(Role.VIEWER), is_admin=True)
    began = SYSTEM_CLOCK.now()
    await audit.record(viewer, "bot.restart", "elena", outcome=AuditOutcome.DENIED)
    await audit.record(None, "bot.restart", "marcus", outcome=AuditOutcome.AUTOMATIC)
    await audit.record(None, "bot_x", "elena")

    async def targets(query: AuditQuery) -> list[str]:
        return [entry.target for entry in await audit.find(viewer, query)]

    assert await targets(AuditQuery(actor=viewer.username, action="bot.")) == ["elena"]
    assert await targets(AuditQuery(action="bot.")) == ["marcus", "elena"]
    assert await targets(AuditQuery(action="bot_")) == ["elena"]
    assert await targets(AuditQuery(target="elena", outcome=AuditOutcome.DENIED)) == ["elena"]
    assert await targets(AuditQuery(since=began, until=began)) == []
    assert len(await targets(AuditQuery(since=began, until=began + timedelta(hours=1)))) == 3


async def test_pages_follow_each_other_without_a_gap(api: RunningApi) -> None:
    """Each page begins after the last line of the one before, whatever is added meanwhile."""
    audit = api.services.audit
    viewer = await api.services.auth.authenticate(await api.admin_login(Role.VIEWER), is_admin=True)
    for number in range(7):
        await audit.record(None, "test.count", str(number))
    seen: list[AuditView] = []
    while page := await audit.find(
        viewer, AuditQuery(action="test.", limit=3, before=seen[-1].entry_id if seen else None)
    ):
        seen.extend(page)
        await audit.record(None, "test.later", "x")
    assert [entry.target for entry in seen] == list("6543210")


@pytest.mark.parametrize(
    "statement", ["UPDATE web_audit SET target = 'x'", "DELETE FROM web_audit", "TRUNCATE web_audit"]
)
async def test_a_line_can_be_neither_changed_nor_removed(api: RunningApi, statement: str) -> None:
    """Not even by a program with our own rights: the database refuses it."""
    await api.services.audit.record(None, "test.kept", "elena")
    database = Database(api.settings.database_url.get_secret_value()) if api.settings.database_url else None
    assert database is not None
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write() as connection:
            await connection.execute(text(statement))
    await database.dispose()


async def test_the_trail_as_a_file(api: RunningApi) -> None:
    """CSV with one line an action; what a spreadsheet would run as a formula is text. Users see nothing of it."""
    await api.services.audit.record(None, "test.kept", "=HYPERLINK(1)")
    async with api.client(await api.admin_login(Role.VIEWER)) as client:
        answer = await client.get("/api/admin/audit", params={"action": "test.", "format": "csv"})
        pages = await client.get("/api/admin/audit", params={"action": "test.", "limit": 1})
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert ",'=HYPERLINK(1)," in answer.text
    assert pages.json()["next_before"] == pages.json()["entries"][0]["id"]
    with pytest.raises(NotAuthenticated):
        await api.services.audit.find(await api.principal())
