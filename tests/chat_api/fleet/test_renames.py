"""A bot that was renamed: what was said, measured and done under its old name is the new one's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from models import Role
from models.connections import connect
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

WITH_BOTS = (
    "web_alert_rules WHERE name = 'chosen'",
    "web_maintenance_windows",
    "web_restart_schedules",
    "web_api_keys",
)
STEPS = '[{"state": "done", "bot_name": "elena-rodriguez"}, {"state": "done", "bot_name": "marcus"}]'
CHOSEN = """
    INSERT INTO web_alert_rules (id, name, kind, bots, for_s, keep_firing_for_s, no_data, severity, repeat_s,
        is_enabled, updated_at)
    VALUES (gen_random_uuid(), 'chosen', 'bot_down', '["elena", "marcus"]', 0, 0, 'ok', 'warning', 0, false, now());
    INSERT INTO web_maintenance_windows (id, name, bots, starts_at, ends_at, is_weekly, time_zone, created_by)
    VALUES (gen_random_uuid(), 'w', '["elena", "elena-rodriguez"]', '2020-01-01', '2020-01-02', false, 'UTC', 'x');
    INSERT INTO web_restart_schedules (id, name, bots, batch_size, recurrence, weekdays, at_time, time_zone, is_paused,
        created_by_id, created_by, created_at)
    VALUES (gen_random_uuid(), 's', '["elena"]', 1, 'daily', '[]', '03:00', 'UTC', true, 'x', 'x', now());
    INSERT INTO web_api_keys (id, owner_id, is_admin, name, scopes, bots, background, created_at, created_by)
    VALUES (gen_random_uuid(), 'x', false, 'k', '{chat}', '{elena,marcus,elena-rodriguez}', 'auto',
        now(), 'x');
    LOCK TABLE web_bot_configurations;
    DELETE FROM web_bot_configurations;
    INSERT INTO web_bot_configurations (id, bot_name, number, start_key, started_at, last_started_at, facts, changes)
    VALUES (gen_random_uuid(), 'elena', 1, 'a', now(), now(), '{}', '[]'),
        (gen_random_uuid(), 'elena', 2, 'b', now(), now(), '{}', '[]'),
        (gen_random_uuid(), 'elena-rodriguez', 1, 'c', now(), now(), '{}', '[]'),
        (gen_random_uuid(), 'elena-rodriguez', 2, 'd', now(), now(), '{}', '[]');
    INSERT INTO web_memory_erasures (id, person, bot_user_ids, requested_at) VALUES
        ('00000000-0000-0000-0000-000000000001', 'p', '{x}', now());
    INSERT INTO web_memory_erasure_parts (erasure_id, bot_name, part, outcome)
    VALUES ('00000000-0000-0000-0000-000000000001', 'elena', 'memories', 'not_reached');
    INSERT INTO web_rolling_restarts (id, requested_by, requested_at, batch_size, state, estimate_s, steps,
        heartbeat_at, finished_at)
    VALUES (gen_random_uuid(), 'x', now(), 1, 'done', 1,
        '[{"bot_name": "elena", "state": "done"}, {"bot_name": "marcus", "state": "done"}]', now(), now());"""


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


async def test_what_was_chosen_for_a_bot_is_meant_for_it_under_its_new_name(
    make_settings: MakeSettings, elena: RunningBot, tmp_path: Path, database_url: str
) -> None:
    """Rules, windows, schedules and keys; what it ran with, in one row of numbers; and what is to be erased there."""
    (tmp_path / ".env.elena").write_text(f"DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT={elena.port}\n")
    async with running_api(make_settings()) as api, api.client(await api.admin_login()) as console:
        await eventually(lambda: "elena" in api.services.known_bots.names)
        (tmp_path / ".env.elena").rename(tmp_path / ".env.elena-rodriguez")
        await api.services.registry.refresh()
        api.services.fleet.sync_registry()
        connection = await connect(database_url)
        await connection.execute(CHOSEN)
        merged = await console.post("/api/admin/bots/elena/merge", json={"into": "elena-rodriguez"})
        assert merged.status_code == 200, merged.text
        lists = [await connection.fetchval(f"SELECT bots FROM {table}") for table in WITH_BOTS]
        assert lists[:-1] == ['["marcus", "elena-rodriguez"]', '["elena-rodriguez"]', '["elena-rodriguez"]']
        assert lists[-1] == ["marcus", "elena-rodriguez"], "and not both names, nor none, which would mean all bots"
        ran_with = "SELECT bot_name, number, start_key FROM web_bot_configurations ORDER BY number LIMIT 4"
        rows = await connection.fetch(ran_with)
        assert [(row["bot_name"], row["number"]) for row in rows] == [
            ("elena-rodriguez", number) for number in range(1, 5)
        ]
        assert [row["start_key"] for row in rows[:3]] == ["a", "b", "c"], "the newest may have been started again"
        assert await connection.fetchval("SELECT bot_name FROM web_memory_erasure_parts") == "elena-rodriguez"
        assert await connection.fetchval("SELECT steps FROM web_rolling_restarts") == STEPS
        await connection.close()


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
