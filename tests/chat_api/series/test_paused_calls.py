"""What a bot was not asked, because its calls were paused, is no failed answer of it."""

import contextlib
import re
from datetime import UTC, datetime

import asyncpg

from chat_api.core.errors import BotUnavailable
from chat_api.series import usage_repository as usage
from tests.support.api import MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot

_FAILED = "SELECT sum(errors) FROM web_series WHERE subject = 'answers:elena' AND span_s = 60"
_COUNTED = "SELECT sum(failed) FROM web_usage WHERE grain = 'hour' AND bot_name = 'elena'"


async def test_what_an_open_breaker_refuses_is_not_counted(make_settings: MakeSettings) -> None:
    """Only the calls that were made count, in the metrics, in the series and in the usage alike."""
    async with sample_bot("elena") as elena, running_api(make_settings(bots=(elena,))) as api:
        alice = await api.principal()
        await elena.kill()
        sent, began_at = 0, datetime.now(UTC)
        async with api.client(await api.admin_login()) as client:
            metrics = (await client.get("/metrics")).text
            while _value(metrics, "bot_calls_refused_total", 'reason="breaker"') < 3:
                with contextlib.suppress(BotUnavailable):
                    await api.services.messages.send(alice, bot_name="elena", content="Hello?")
                sent += 1
                metrics = (await client.get("/metrics")).text
        made = sent - _value(metrics, "bot_calls_refused_total", 'reason="breaker"')
        assert made >= 5
        assert _value(metrics, "bot_answers_total", 'result="failed"') == made
        assert api.settings.database_url
        sql = await asyncpg.connect(api.settings.database_url.get_secret_value())

        async def is_stored() -> bool:
            return bool(await sql.fetchval(_FAILED) == made)

        try:
            await eventually(is_stored)
            async with api.services.messages._database.write() as connection:
                for hour in {hour_of(began_at), hour_of(datetime.now(UTC))}:
                    await usage.count_hour(connection, hour)
            assert await sql.fetchval(_COUNTED) == made
        finally:
            await sql.close()


def hour_of(at: datetime) -> datetime:
    """When its hour began."""
    return at.replace(minute=0, second=0, microsecond=0)


def _value(metrics: str, name: str, label: str) -> int:
    found = re.search(rf'{name}{{bot_name="elena",{label}}} (\S+)', metrics)
    return int(float(found[1])) if found else 0
