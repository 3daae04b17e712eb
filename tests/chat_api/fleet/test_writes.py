"""A store that answers and takes no writes is not well: PostgreSQL read-only or full, Redis out of memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import redis.asyncio
from httpx import AsyncClient

from chat_api.alerts.schemas import ChannelDraft
from chat_api.alerts.service import Remembered
from chat_api.fleet.schemas import ServiceStatus
from models import RuleKind
from tests.support.alert_receiver import Receiver, alert_receiver
from tests.support.api import ADMIN_PASSWORD, MakeSettings, RunningApi, running_api
from tests.support.console_app import RunningConsole
from tests.support.console_page import page_html
from tests.support.eventually import eventually
from tests.support.servers import with_database

TITLE = "PostgreSQL takes no writes"
SetReadOnly = Callable[[bool], Awaitable[None]]


@pytest.fixture
async def read_only(postgres_server: str) -> AsyncIterator[SetReadOnly]:
    """Makes PostgreSQL refuse every write, as an operator would, and take them again."""
    connection = await asyncpg.connect(with_database(postgres_server, "postgres"))
    await connection.execute("SET default_transaction_read_only = off")

    async def be(is_read_only: bool) -> None:
        value = "on" if is_read_only else "off"
        await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        await connection.execute("SELECT pg_reload_conf()")

    yield be
    await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@asynccontextmanager
async def notified(api: RunningApi) -> AsyncIterator[Receiver]:
    """A channel, and the rule of services as installed but for how long it waits."""
    admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    settings = api.services.alert_settings
    for rule in await settings.rules(admin):
        if rule.kind is RuleKind.SERVICE_DOWN:
            await settings.change_rule(admin, rule.rule_id, replace(rule, for_s=0, keep_firing_for_s=0))
    async with alert_receiver() as receiver:
        await settings.create_channel(admin, ChannelDraft(name="Pager", url=receiver.channel_url))
        remembered = api.services.alerts.remembered
        await eventually(lambda: (now := api.services.alerts.remembered) and now is not remembered and now.channels)
        yield receiver


async def says_refused(client: AsyncClient) -> bool:
    """Whether readiness, the status of operators and the banner say that nothing can be written."""
    status = (await client.get("/api/admin/status")).json()
    health = (await client.get("/health")).json()
    return (
        (await client.get("/health/ready")).status_code == 503
        and status["services"]["postgres"] | {"response_time": None}
        == {"status": "unhealthy", "response_time": None, "fault": "takes no writes"}
        and status["system"]["status"] == health["status"] == "critical"
        and health["services"]["postgres"]["fault"] == "takes no writes"
        and status["system"]["headline"].startswith(TITLE)
    )


async def says_well(client: AsyncClient) -> bool:
    """Whether all of them say that all is well."""
    status = (await client.get("/api/admin/status")).json()
    return status["system"]["status"] == "healthy" and (await client.get("/health/ready")).status_code == 200


async def test_postgresql_that_is_read_only_is_seen_named_and_told(
    console_app: RunningConsole, read_only: SetReadOnly
) -> None:
    """By every place and by the channels, although nothing can be stored; once, and its end once. Nobody is put out."""
    token = await console_app.admin_login()
    async with notified(console_app) as receiver, console_app.client(token) as client:
        await eventually(partial(says_well, client))
        await read_only(True)
        await eventually(partial(says_refused, client))
        await eventually(lambda: receiver.titles == [TITLE])
        assert "nobody can sign in" in receiver.messages[0]["message"]
        body = {"username": "test-admin", "password": ADMIN_PASSWORD}
        refusal = await client.post("/api/admin/login", json=body)
        assert refusal.status_code == 503
        assert refusal.json()["error"]["code"] == "database_unavailable"
        assert "takes no writes" in refusal.json()["error"]["message"]
        for path in ("/admin", "/admin/alerts", "/admin/system", "/admin/bots/elena"):
            assert "we-shell" in await page_html(console_app, token, path), path

        await read_only(False)
        await eventually(partial(says_well, client))
        assert (await client.post("/api/admin/login", json=body)).status_code == 200
        await eventually(lambda: receiver.titles == [TITLE, f"Resolved: {TITLE}"])
        for _ in range(3):  # what the outbox could tell of it, it would have told by then
            await eventually(partial(_is_newer, console_app, console_app.services.alerts.remembered))
        assert receiver.titles == [TITLE, f"Resolved: {TITLE}"]


async def test_redis_that_takes_no_writes_is_not_well(api: RunningApi, valkey_server: str) -> None:
    """It answers every ping; the chat and the readiness of the console do not depend on it."""

    def seen() -> tuple[ServiceStatus, str] | None:
        services = api.services.fleet.current().services
        return next(((one.status, one.fault) for one in services if one.name == "redis"), None)

    await eventually(lambda: (now := seen()) is not None and now[0] is ServiceStatus.HEALTHY)
    async with redis.asyncio.Redis.from_url(valkey_server) as client:
        await client.config_set("maxmemory", "1")
        try:
            assert await client.execute_command("PING")
            await eventually(lambda: seen() == (ServiceStatus.UNHEALTHY, "takes no writes"))
            assert api.services.fleet.current().headline.startswith("Redis takes no writes")
            assert await api.services.health.is_ready()
        finally:
            await client.config_set("maxmemory", "0")
    await eventually(lambda: (now := seen()) is not None and now[0] is ServiceStatus.HEALTHY)


async def test_a_redis_user_without_channels_is_named_and_leaves_us_ready(
    make_settings: MakeSettings, redis_url: str
) -> None:
    """``+@all ~*`` and no channel: the card says what is wrong, and the service goes on by the database."""
    rights: dict[str, Any] = {"passwords": ["+pw"], "categories": ["+@all"], "keys": ["*"], "reset_channels": True}
    name = f"u{uuid4().hex[:8]}"
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.acl_setuser(name, enabled=True, **rights)
        try:
            limited = f"{redis_url}{'&' if '?' in redis_url else '?'}username={name}&password=pw"
            async with running_api(make_settings(redis_url=limited)) as api, api.client() as anybody:

                def seen() -> set[tuple[ServiceStatus, str]]:
                    services = api.services.fleet.current().services
                    return {(one.status, one.fault) for one in services if one.name == "redis"}

                await eventually(lambda: seen() == {(ServiceStatus.UNHEALTHY, "lacks a permission")})
                assert (await anybody.get("/health/ready")).json() == {"status": "ready", "realtime": "away"}
        finally:
            await client.acl_deluser(name)


def _is_newer(api: RunningApi, before: Remembered | None) -> bool:
    return api.services.alerts.remembered is not before
