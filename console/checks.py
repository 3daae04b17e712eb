"""``check``: is everything in place? One line for each part, and an exit code for scripts."""

import asyncio
import os
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from chat_api.core.errors import AppError
from chat_api.core.settings import Settings
from chat_api.core.state_dir import (
    SECRET_KEY_FILE,
    SecretKeyUnusable,
    StateDirUnusable,
    kept_secret,
    prepare_state_dir,
    unusable_part,
)
from console.servers import Servers, servers

if TYPE_CHECKING:
    from chat_api.fleet.store_sources import StoreSources


class Outcome(StrEnum):
    """How a part is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one part."""

    outcome: Outcome
    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.outcome:<4} {self.name}: {self.detail}"


async def run_checks(settings: Settings) -> list[Finding]:
    """Look at every part: configuration first, then what it points to."""
    findings = [Finding(outcome=Outcome.OK, name="configuration", detail="all settings are valid")]
    findings += _secret_key(settings)
    state_dir = await asyncio.to_thread(_state_dir, settings.web_ui_state_dir)
    findings.append(state_dir)
    if state_dir.outcome is Outcome.FAIL:
        return findings
    try:
        async with servers(settings, join=True) as where:
            findings += await _dependencies(settings, where)
    except AppError as error:
        findings.append(Finding(outcome=Outcome.FAIL, name="embedded servers", detail=error.detail or error.message))
    except OSError as error:
        if (said := unusable_part(error, settings.web_ui_state_dir)) is None:
            raise
        findings.append(Finding(outcome=Outcome.FAIL, name="embedded servers", detail=said.message))
    findings += await _bots(settings)
    return findings


def exit_code(findings: Iterable[Finding]) -> int:
    """1 when anything failed; a warning is not a failure."""
    return int(any(finding.outcome is Outcome.FAIL for finding in findings))


def _secret_key(settings: Settings) -> Iterable[Finding]:
    if settings.web_ui_secret_key is None:
        path = settings.web_ui_state_dir / SECRET_KEY_FILE
        try:
            if os.path.lexists(path):
                kept_secret(path)
        except SecretKeyUnusable as error:
            yield Finding(outcome=Outcome.FAIL, name="secret key", detail=error.message)
            return
        detail = f"WEB_UI_SECRET_KEY is not set, using a generated key stored in {settings.web_ui_state_dir}"
        yield Finding(outcome=Outcome.WARN, name="secret key", detail=detail)
    else:
        yield Finding(outcome=Outcome.OK, name="secret key", detail="from WEB_UI_SECRET_KEY")


def _state_dir(path: Path) -> Finding:
    try:
        prepare_state_dir(path)
    except StateDirUnusable as error:
        return Finding(outcome=Outcome.FAIL, name="state directory", detail=error.message)
    return Finding(outcome=Outcome.OK, name="state directory", detail=str(path.resolve()))


async def _dependencies(settings: Settings, where: Servers) -> list[Finding]:
    from chat_api.core.database import Database
    from chat_api.core.redis import connect_redis
    from chat_api.engine.interface import ContainerEngine, NoEngine
    from chat_api.fleet.dependencies import DEPENDENCIES, Connections
    from chat_api.fleet.health import HealthService

    if settings.docker_host is None:
        engine: ContainerEngine = NoEngine()
    else:
        from chat_api.engine.client import EngineTls
        from chat_api.engine.docker import DockerEngine

        engine = DockerEngine(settings.docker_host, label=settings.docker_label, tls=EngineTls.of(settings))
    database, redis = Database(where.database_url, pool_size=2), connect_redis(where.redis_url)
    try:
        connections = Connections(database=database, redis=redis, engine=engine, settings=settings)
        checks = await HealthService(connections).check_all()
    finally:
        await asyncio.gather(database.dispose(), redis.aclose(), engine.close())
    embedded = {"postgres": where.database, "redis": where.redis}
    findings = []
    for check in checks:
        setting = DEPENDENCIES[check.name].setting
        address = embedded.get(check.name) or getattr(settings, setting)
        if check.error is not None:
            findings.append(Finding(outcome=Outcome.FAIL, name=check.title, detail=f"{address}: {check.error}"))
        elif check.latency_ms is None:
            findings.append(Finding(outcome=Outcome.WARN, name=check.title, detail=f"{setting.upper()} is not set"))
        else:
            detail = f"responded in {check.latency_ms:.0f} ms, {address}"
            findings.append(Finding(outcome=Outcome.OK, name=check.title, detail=detail))
    return findings


async def _fleet_stores(settings: Settings) -> tuple["StoreSources", list[Finding]]:
    """What the fleet's own stores say of it, and how those are; what is wrong with the former the registry notes."""
    from chat_api.core.store_faults import StoreUnreadable
    from chat_api.fleet.store_sources import StoreSources
    from chat_api.fleet_data.influx_queries import life_query
    from chat_api.fleet_stores import open_fleet_stores

    findings: list[Finding] = []
    async with AsyncExitStack() as stack:
        opened = open_fleet_stores(stack, settings)
        stores = StoreSources(database=opened.database, redis=opened.redis, prefix=settings.fleet_redis_prefix)
        await stores.read()
        if opened.influx is not None:
            try:
                until = datetime.now(UTC)
                since = until - timedelta(hours=1)
                await opened.influx.query(life_query(opened.influx.bucket, since=since, until=until, step_s=3600))
            except StoreUnreadable as error:
                detail = f"{settings.influxdb_url}: {error}"
                findings.append(Finding(outcome=Outcome.WARN, name="InfluxDB", detail=detail))
            else:
                detail = f"responded, {settings.influxdb_url}"
                findings.append(Finding(outcome=Outcome.OK, name="InfluxDB", detail=detail))
    return stores, findings


async def _bots(settings: Settings) -> list[Finding]:
    from chat_api.bots.connector import BotConnector
    from chat_api.fleet.registry import BotRegistry
    from console.demo import running_demo

    demo = await asyncio.to_thread(running_demo, settings.web_ui_state_dir)
    if demo is not None:
        settings = settings.model_copy(update={"bots_config": demo})
    stores, findings = await _fleet_stores(settings)
    registry = BotRegistry(settings, stores=stores)
    await registry.refresh()
    findings += [Finding(outcome=Outcome.WARN, name="fleet", detail=problem) for problem in registry.problems]
    if not registry.all():
        config = f"BOTS_CONFIG ({settings.bots_config or 'not set'})"
        detail = f"no bots found in .env.<bot> files in {settings.bots_env_dir.resolve()} or in {config};"
        detail += " container labels are only read by the running console"
        return [*findings, Finding(outcome=Outcome.WARN, name="fleet", detail=detail)]
    connector = BotConnector(settings)
    await connector.initialize()
    try:
        probes = await asyncio.gather(*(connector.get_bot_status(bot) for bot in registry.all()))
    finally:
        await connector.cleanup()
    for bot, probe in zip(registry.all(), probes, strict=True):
        name = f"bot {bot.name}"
        if probe.is_healthy and probe.latency_ms is not None:
            detail = f"responded in {probe.latency_ms:.0f} ms, {bot.url}"
            findings.append(Finding(outcome=Outcome.OK, name=name, detail=detail))
        else:
            findings.append(Finding(outcome=Outcome.WARN, name=name, detail=f"{bot.url}: {probe.error}"))
    return findings
