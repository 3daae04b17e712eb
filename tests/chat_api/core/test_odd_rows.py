"""Rows that another version wrote, or somebody by hand: they are left out, it is said, and all else goes on."""

from uuid import UUID

import asyncpg

from models import Role
from models.migrate import upgrade
from tests.support.api import MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

INCIDENT = UUID(int=1)
RULE = "(SELECT id FROM web_alert_rules LIMIT 1)"
# By the name under which one that was left out is told.
ODD = {
    "known bots": "INSERT INTO web_known_bots (bot_name, facts) VALUES ('odd', '7'), ('elena', '[]')",
    "bot checks": "INSERT INTO web_bot_checks (bot_name, checked_at, status) VALUES ('elena', now(), 'odd')",
    "audit": "INSERT INTO web_audit (id, at, actor_id, actor_name, action, target, outcome)"
    " VALUES (gen_random_uuid(), now(), 'x', 'x', 'x', 'x', 'odd')",
    "restarts": "INSERT INTO web_bot_restarts (id, bot_name, requested_by, requested_at, state)"
    " VALUES (gen_random_uuid(), 'elena', 'x', now(), 'odd')",
    "rolling restarts": "INSERT INTO web_rolling_restarts"
    " (id, requested_by, requested_at, batch_size, state, estimate_s, steps, heartbeat_at)"
    " VALUES (gen_random_uuid(), 'x', now(), 1, 'odd', 1, '7', now() - interval '1 hour')",
    "incident entries": "INSERT INTO web_incident_entries (id, incident_id, at, kind, content)"
    f" VALUES (gen_random_uuid(), '{INCIDENT}', now(), 'odd', 'x')",
    "incident evidence": "INSERT INTO web_incident_evidence"
    " (id, incident_id, bot_name, captured_at, reason, facts, checks, log)"
    f" VALUES (gen_random_uuid(), '{INCIDENT}', 'elena', now(), 'x', '7', '7', 'x')",
    "alert subjects": "INSERT INTO web_alert_subjects (rule_id, subject, status, since, summary)"
    f" VALUES ({RULE}, 'odd', 'odd', now(), 'x')",
    "alert channels": "INSERT INTO web_alert_channels"
    " (id, name, url, severities, quiet_from, quiet_to, time_zone, does_critical_break_quiet, is_enabled)"
    """ VALUES (gen_random_uuid(), 'odd', 'json://127.0.0.1', '["critical"]', 'soon', 'later', 'Mars', true, true)""",
    "notifications": "INSERT INTO web_notifications"
    " (id, channel_id, channel_name, kind, severity, title, body, status, created_at, due_at, attempts)"
    " SELECT gen_random_uuid(), id, name, 'odd', 'odd', 'x', 'x', 'waiting', now(), now(), 0 FROM web_alert_channels",
    "settings": "INSERT INTO web_settings (key, value) VALUES ('usage_counted_up_to', 'soon')",
}
PAGES = (
    "audit",
    "restarts",
    "rolling-restarts",
    f"incidents/{INCIDENT}",
    f"incidents/{INCIDENT}/export",
    "alerts",
    "alert-subjects",
    "alert-channels",
    "notifications",
    "analytics/usage",
    "settings",
    "status",
)


async def test_odd_rows_of_any_table_spoil_nothing_else(
    make_settings: MakeSettings, elena: RunningBot, database_url: str
) -> None:
    """The start, the lists that they would stand in, and the work that goes over them; each table is named."""
    await upgrade(database_url)
    sql = await asyncpg.connect(database_url)
    await sql.execute(
        "INSERT INTO web_incidents (id, cause, title, detail, opened_at, resolved_at, reopened)"
        f" VALUES ('{INCIDENT}', 'bot:elena', 'x', 'x', now(), now(), 0)"
    )
    for statement in ODD.values():
        await sql.execute(statement)
    async with (
        running_api(make_settings(bots=(elena,))) as api,
        api.client(await api.admin_login(Role.ADMIN)) as client,
    ):
        assert {bot.name for bot in api.services.fleet.current().bots} == {"elena"}
        await eventually(lambda: api.services.alerts.remembered)  # what is wrong was looked at
        await eventually(lambda: sql.fetchval("SELECT done_at FROM web_notifications WHERE status = 'failed'"))
        for page in PAGES:
            answer = await client.get(f"/api/admin/{page}")
            assert answer.status_code == 200, page
        (given_up,) = [
            one
            for one in (await client.get("/api/admin/notifications")).json()["notifications"]
            if one["channel"] == "odd" and one["title"] == "x"
        ]
        assert (given_up["status"], given_up["kind"], given_up["severity"]) == ("failed", None, None)
        odd_channel = await sql.fetchval("SELECT id FROM web_alert_channels WHERE name = 'odd'")
        assert (await client.post(f"/api/admin/alert-channels/{odd_channel}/test")).status_code == 404
        told = (await client.get("/api/admin/settings")).json()["ignored"]
        # What is counted, or seen, is written anew, and told no longer.
        assert {line.partition(",")[0] for line in told} >= ODD.keys() - {"settings"}
        await eventually(lambda: sql.fetchval("SELECT true FROM web_settings WHERE value LIKE '20%'"))
        await eventually(lambda: sql.fetchval("SELECT facts ? 'url' FROM web_known_bots WHERE bot_name = 'elena'"))
    await sql.close()
