"""The leader's work for alerts: it shows what fires, and says that it lives."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from chat_api.alerts.schemas import RuleDraft
from chat_api.alerts.worker import AlertEvaluator
from chat_api.core.database import Database
from chat_api.core.histogram import bucket_of
from chat_api.core.metrics import Metrics
from chat_api.series import repository as series
from chat_api.series.repository import Increment, Tally
from models import RuleKind, Severity
from tests.support.alert_receiver import Receiver, alert_receiver
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot
from tests.support.sql_proxy import sql_proxy
from tests.support.ticking import TickingClock


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where pings arrive."""
    async with alert_receiver() as running:
        yield running


async def test_an_outside_service_hears_from_us_while_we_live(
    make_settings: MakeSettings, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    """Again and again, from the leader; its address is in no log."""
    settings = make_settings(deadman_url=f"{receiver.url}/ping/secret-check-id", deadman_interval=1)
    async with running_api(settings):
        await eventually(lambda: receiver.pings >= 2)
    assert "secret-check-id" not in capsys.readouterr().out
    assert "secret-check-id" not in repr(settings)


async def test_it_hears_nothing_when_we_are_not_well(
    api: RunningApi, receiver: Receiver, database_url: str, tmp_path: Path
) -> None:
    """Without the database, or when nobody has looked at the fleet for half a minute; else it does."""
    await eventually(lambda: api.services.fleet.current().services)
    async with sql_proxy(database_url) as proxy:
        database = Database(proxy.url, pool_size=2)
        time = TickingClock(datetime.now(UTC))
        alerter = AlertEvaluator(
            api.services.fleet,
            api.services.alerts,
            api.services.alert_delivery,
            database,
            Metrics(),
            state_dir=tmp_path,
            warm_up_s=1,
            deadman_url=receiver.url,
            clock=time.clock,
        )
        assert await alerter.ping()
        await proxy.cut()
        assert not await alerter.ping()
        await proxy.heal()
        await eventually(alerter.ping)
        told = receiver.pings
        time.pass_s(60)
        assert not await alerter.ping()
        assert receiver.pings == told
        await database.dispose()


async def test_what_fires_is_in_the_metrics(make_settings: MakeSettings) -> None:
    """By severity, and gone when it is over; the fleet that the poller sees is the one that is judged."""
    async with sample_bot("ryan") as ryan, running_api(make_settings(bots=(ryan,))) as api:

        def firing() -> float | None:
            name = "whisperengine_web_alerts_firing"
            value: float | None = api.app.state.metrics.registry.get_sample_value(name, {"severity": "warning"})
            return value

        admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
        for rule in await api.services.alert_settings.rules(admin):
            if rule.kind is RuleKind.BOT_DOWN:
                quick = replace(rule, for_s=0, keep_firing_for_s=0, severity=Severity.WARNING)
                await api.services.alert_settings.change_rule(admin, rule.rule_id, quick)
        await eventually(lambda: firing() == 0)
        await ryan.kill()
        await eventually(lambda: firing() == 1)
        await ryan.start()
        await eventually(lambda: firing() == 0)


async def test_a_late_event_loop_of_any_process_is_alarmed(api: RunningApi, database_url: str) -> None:
    """What another process measured is judged as well: here one in ten of its turns was five seconds late."""
    admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    rule = RuleDraft(name="Late", kind=RuleKind.LOOP_LAG, threshold=1000, severity=Severity.WARNING, for_s=0)
    await api.services.alert_settings.create_rule(admin, rule)

    async def late() -> list[str]:
        return [alert.body for alert in await api.services.alerts.firing(admin) if "late" in alert.body]

    assert not await late()
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    tally = Tally(count=1000, buckets={bucket_of(1): 900, bucket_of(5000): 100})
    increments = [Increment(subject="loop_lag", span_s=60, started_at=minute, tally=tally)]
    database = Database(database_url, pool_size=1)
    async with database.write() as connection:
        await series.add(connection, increments, writer=uuid4(), batch=1)
    await eventually(late)
    await database.dispose()
