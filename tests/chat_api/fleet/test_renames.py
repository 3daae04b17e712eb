"""A bot that was renamed: what was said, measured and done under its old name is the new one's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from models import Role
from models.connections import connect
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


async def test_a_renamed_bot_keeps_its_history(
    make_settings: MakeSettings, elena: RunningBot, tmp_path: Path, database_url: str
) -> None:
    """Refused while a file describes the old name; then the thread, figures and policy move, and the old bot goes."""
    old = tmp_path / ".env.elena"
    line = f"DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT={elena.port}\n"
    old.write_text(line)
    settings = make_settings()
    async with running_api(settings) as api:
        await eventually(lambda: _names(api) == {"elena"})
        await eventually(lambda: "elena" in api.services.known_bots.names)
        token = await api.login("carla")
        async with api.client(token) as person:
            sent = await person.post("/api/chat", json={"bot_name": "elena", "content": "Remember me"})
            assert sent.status_code == 200, sent.text
        async with api.client(await api.admin_login()) as console:
            policy = await console.patch("/api/admin/bots/elena/policy", json={"notes": "Careful with her."})
            assert policy.status_code == 200, policy.text
            (tmp_path / ".env.elena-rodriguez").write_text(line)
            await api.services.registry.refresh()
            api.services.fleet.sync_registry()
            refused = await console.post("/api/admin/bots/elena/merge", json={"into": "elena-rodriguez"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
            old.unlink()
            await api.services.registry.refresh()
            api.services.fleet.sync_registry()
            await _measure(database_url)
            merged = await console.post("/api/admin/bots/elena/merge", json={"into": "elena-rodriguez"})
            assert merged.json() == {"messages": 1}, merged.text
            assert _names(api) == {"elena-rodriguez"}
            assert (await console.get("/api/admin/bots/elena-rodriguez")).json()["notes"] == "Careful with her."
            audit = await console.get("/api/admin/audit", params={"action": "bot.rename"})
            assert audit.json()["entries"][0]["details"] == {"into": "elena-rodriguez", "messages": 1}
        async with api.client(token) as person:
            page = (await person.get("/api/conversations/elena-rodriguez/messages")).json()
            assert "Remember me" in [one["content"] for one in page["messages"]]
            (thread,) = (await person.get("/api/conversations")).json()["conversations"]
            assert thread["bot_name"] == "elena-rodriguez"
        assert await _rows(database_url) == [("answers:elena-rodriguez", 7), ("answers:elena-rodriguez", 5)]


async def test_only_administrators_merge(make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot) -> None:
    """An operator is refused; a bot is not merged into itself or into one that is not there."""
    async with running_api(make_settings(bots=(elena, marcus))) as api:
        async with api.client(await api.admin_login(Role.OPERATOR)) as operator:
            denied = await operator.post("/api/admin/bots/elena/merge", json={"into": "marcus"})
            assert denied.status_code == 403
        async with api.client(await api.admin_login()) as console:
            itself = await console.post("/api/admin/bots/elena/merge", json={"into": "elena"})
            nobody = await console.post("/api/admin/bots/elena/merge", json={"into": "nobody"})
            assert (itself.status_code, nobody.status_code) == (409, 404)


async def _measure(database_url: str) -> None:
    """One span that both names have, and one that only the old one has."""
    insert = """
        INSERT INTO web_series (subject, span_s, started_at, count, errors, sum_ms, max_ms, buckets, counts)
        VALUES ($1, 3600, $2, $3, 0, 1, 1, '{}', '{}')"""
    hour = timedelta(hours=1)
    connection = await connect(database_url)
    for name, at, count in (("elena", NOON, 3), ("elena-rodriguez", NOON, 7), ("elena", NOON + hour, 5)):
        await connection.execute(insert, f"answers:{name}", at, count)
    await connection.close()


async def _rows(database_url: str) -> list[tuple[str, int]]:
    query = """
        SELECT subject, count FROM web_series WHERE subject LIKE 'answers:elena%' AND started_at < '2026-02-01'
        ORDER BY started_at"""
    connection = await connect(database_url)
    rows = [tuple(row) for row in await connection.fetch(query)]
    await connection.close()
    return rows


def _names(api: RunningApi) -> set[str]:
    return {bot.name for bot in api.services.fleet.current().bots}
