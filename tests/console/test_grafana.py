"""The links to the fleet's own Grafana, where they are and where they are not."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg

from models import Role
from tests.support.api import MakeSettings
from tests.support.console_app import RunningConsole, running_console
from tests.support.console_page import opened_page
from tests.support.elements import markup
from tests.support.sample_bots import RunningBot


async def test_a_bot_and_an_incident_lead_to_grafana(make_settings: MakeSettings, elena: RunningBot) -> None:
    """With the bot's name and the time; an incident with the time around it."""
    settings = make_settings(bots=(elena,), grafana_url="https://grafana.example.org", grafana_dashboard="bots")
    incident_id, opened = uuid4(), datetime(2026, 1, 1, tzinfo=UTC)
    async with running_console(settings) as console:
        connection = await asyncpg.connect(settings.database_url.get_secret_value())  # type: ignore[union-attr]
        await connection.execute(
            "INSERT INTO web_incidents (id, cause, title, opened_at, resolved_at)"
            " VALUES ($1, 'bot:elena', 'x', $2, $3)",
            incident_id,
            opened,
            opened + timedelta(hours=1),
        )
        await connection.execute(
            "INSERT INTO web_incident_bots (incident_id, bot_name, failed_at, status)"
            " VALUES ($1, 'elena', $2, 'offline')",
            incident_id,
            opened,
        )
        await connection.close()
        token = await console.admin_login(Role.VIEWER)
        async with opened_page(console, token, "/admin/bots/elena") as page:
            assert "https://grafana.example.org/d/bots?var-bot=elena&amp;from=" in markup(page.client.content)
        async with opened_page(console, token, f"/admin/incidents/{incident_id}") as page:
            assert "/d/bots?var-bot=elena&amp;from=1767223800000&amp;to=1767231000000" in markup(page.client.content)


async def test_without_an_address_there_is_no_link(console_app: RunningConsole) -> None:
    """Nothing is shown that leads nowhere."""
    token = await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, token, "/admin/bots/elena") as page:
        assert "Grafana" not in markup(page.client.content)
