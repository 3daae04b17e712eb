"""A v2 fleet on a real engine: its workers and stores are parts of it, and what is adopted can be acted on."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat_api.fleet.schemas import BotStatus, ServiceStatus
from models import Role
from models.connections import connect
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.ports import free_port

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
SLEEP = ["python", "-c", "import time; print('ready', flush=True); time.sleep(100_000)"]


@pytest.fixture
def fleet(bot_container: Callable[..., BotContainer]) -> dict[str, BotContainer]:
    """A bot, a worker, a store, a job that ended well, and a container of somebody else."""
    port = free_port()

    def start(service: str, name: str, project: str = "v2", **options: Any) -> BotContainer:
        labels = {PROJECT: project, SERVICE: service}
        settings: dict[str, Any] = {"name": name, "labels": labels, "command": SLEEP}
        return bot_container(service, **settings | options)

    return {
        "elena": start(
            "elena",
            "whisperengine-v2-elena",
            environment={"DISCORD_BOT_NAME": "elena", "DISCORD_TOKEN": "x", "API_PORT": str(port)},
            command=["python", "-m", "sample_bot", "--name", "elena", "--contract", "v2", "--port", str(port)],
        ),
        "worker": start(
            "worker-cognition", "v2-worker-cognition-1", environment={"DISCORD_BOT_NAME": "worker-cognition"}
        ),
        "postgres": start("postgres", "whisperengine-v2-postgres"),
        "job": start("db-migrate", "v2-db-migrate", command=["python", "-c", "print('migrated')"]),
        "stranger": start("postgres", "shop-postgres", project="shop"),
    }


@pytest.mark.docker
async def test_what_is_adopted_can_be_acted_on_and_nothing_else(
    docker_engine: DockerEngineHandle, fleet: dict[str, BotContainer], make_settings: MakeSettings
) -> None:
    """Seen at once, watched only; restarted after one click, by us alone; undone with another."""
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        await eventually(lambda: _parts(api).get("v2-worker-cognition-1") is ServiceStatus.HEALTHY)
        assert _parts(api) == {
            "v2-worker-cognition-1": ServiceStatus.HEALTHY,
            "whisperengine-v2-postgres": ServiceStatus.HEALTHY,
            "v2-db-migrate": ServiceStatus.HEALTHY,
        }
        assert _titles(api) == {"Cognition worker": "worker", "PostgreSQL": "store", "Db migrate": "job"}
        async with api.client(await api.admin_login()) as console:
            refused = await console.post("/api/admin/parts/v2-worker-cognition-1/restart")
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
            assert (await console.post("/api/admin/parts/shop-postgres/restart")).status_code == 404

            listed = (await console.get("/api/admin/adoption")).json()["projects"]
            assert (listed[0]["name"], listed[0]["is_fleet"]) == ("v2", True)
            seems = {one["name"]: one["role"] for one in listed[0]["containers"]}
            assert seems == {
                "whisperengine-v2-elena": "bot",
                "v2-worker-cognition-1": "worker",
                "whisperengine-v2-postgres": "store",
                "v2-db-migrate": "job",
            }
            for elsewhere in ("shop", ""):  # as when another took the name over since somebody looked
                body = {"names": ["v2-worker-cognition-1"], "project": elsewhere}
                assert (await console.post("/api/admin/adoption", json=body)).status_code == 404
            one = {"names": ["v2-db-migrate"], "project": "v2"}
            assert (await console.post("/api/admin/adoption", json=one)).json()["names"] == ["v2-db-migrate"]
            adopted = await console.post("/api/admin/adoption", json={"project": "v2"})
            assert len(adopted.json()["names"]) == 3

            before = await _started_at(fleet["worker"])
            restarted = await console.post("/api/admin/parts/v2-worker-cognition-1/restart")
            assert restarted.json()["state"] == "running", restarted.text
            assert await _started_at(fleet["worker"]) != before
            log = await console.get("/api/admin/logs", params={"bots": "part:v2-worker-cognition-1"})
            assert "ready" in log.text

            await _is_recorded(console, "part:v2-worker-cognition-1")
            assert (await console.post("/api/admin/bots/elena/restart")).status_code == 200
            await _audited(console, "containers.adopt", "part.restart", "bot.restart")

            # Its program takes no notice of being asked to stop, and is killed.
            assert (await console.post("/api/admin/parts/v2-worker-cognition-1/stop")).status_code == 200
            await eventually(lambda: _parts(api)["v2-worker-cognition-1"] is ServiceStatus.STOPPED)

            released = await console.post("/api/admin/adoption/release", json={"names": ["v2-worker-cognition-1"]})
            assert released.json()["names"] == ["v2-worker-cognition-1"]
            again = await console.post("/api/admin/parts/v2-worker-cognition-1/restart")
            assert again.status_code == 409


@pytest.mark.docker
async def test_a_name_that_another_project_took_over_is_not_adopted(
    docker_engine: DockerEngineHandle,
    fleet: dict[str, BotContainer],
    bot_container: Callable[..., BotContainer],
    make_settings: MakeSettings,
) -> None:
    """What was adopted is the container of a project; somebody else's of the same name is only watched."""
    async with (
        running_api(make_settings(docker_host=docker_engine.host)) as api,
        api.client(await api.admin_login()) as console,
    ):
        adopted = await console.post("/api/admin/adoption", json={"names": ["v2-worker-cognition-1"]})
        assert adopted.status_code == 200, adopted.text
        await asyncio.to_thread(fleet["worker"].container.remove, force=True)
        await eventually(lambda: _parts(api).get("v2-worker-cognition-1") is ServiceStatus.UNHEALTHY)  # missing
        labels = {PROJECT: "shop", SERVICE: "worker-cognition"}
        bot_container("worker", name="v2-worker-cognition-1", labels=labels, command=SLEEP)
        await eventually(lambda: "v2-worker-cognition-1" not in _parts(api))
        assert (await console.post("/api/admin/parts/v2-worker-cognition-1/restart")).status_code == 404


@pytest.mark.docker
async def test_what_was_adopted_and_is_gone_is_missed_by_the_next_console_too(
    docker_engine: DockerEngineHandle, fleet: dict[str, BotContainer], make_settings: MakeSettings, database_url: str
) -> None:
    """It never saw the container. A bot that is gone is missed as a bot."""
    settings = make_settings(docker_host=docker_engine.host)
    async with running_api(settings) as api, api.client(await api.admin_login()) as console:
        adopted = await console.post("/api/admin/adoption", json={"project": "v2"})
        assert adopted.status_code == 200, adopted.text
    for gone in ("worker", "elena"):
        await asyncio.to_thread(fleet[gone].container.remove, force=True)
    connection = await connect(database_url)
    await connection.execute("DELETE FROM web_fleet_reports")  # as after some hours
    await connection.close()
    async with running_api(settings) as api:
        await eventually(lambda: _parts(api).get("v2-worker-cognition-1") is ServiceStatus.UNHEALTHY)
        assert "whisperengine-v2-elena" not in _parts(api)


@pytest.mark.docker
async def test_a_store_that_stops_is_the_cause_of_its_bots_trouble(
    docker_engine: DockerEngineHandle, fleet: dict[str, BotContainer], make_settings: MakeSettings
) -> None:
    """An incident of the store, to which the bots of its project are put down; an adopted project needs no click."""
    settings = make_settings(
        docker_host=docker_engine.host, adopt_compose_projects=("v2",), bot_health_check_interval=1.0
    )
    async with running_api(settings) as api, api.client(await api.admin_login()) as console:
        await eventually(lambda: _bot_status(api) is BotStatus.ONLINE)
        await eventually(lambda: _parts(api).get("whisperengine-v2-postgres") is ServiceStatus.HEALTHY)
        stopped = await console.post("/api/admin/parts/whisperengine-v2-postgres/stop")
        assert stopped.status_code == 200, stopped.text
        await eventually(lambda: _parts(api)["whisperengine-v2-postgres"] is ServiceStatus.UNHEALTHY)
        await asyncio.to_thread(fleet["elena"].container.kill)
        await eventually(lambda: _cause(api) == "part:whisperengine-v2-postgres")
        await eventually(lambda: api.services.fleet.current().incidents)
        titles = [incident.title for incident in api.services.fleet.current().incidents]
        assert any(title.startswith("PostgreSQL") for title in titles), titles


@pytest.mark.docker
async def test_only_administrators_adopt_and_never_the_console_itself(
    docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer], make_settings: MakeSettings
) -> None:
    """An operator is refused and audited; a container of the console's own, or none at all, cannot be adopted."""
    ours = {"whisperengine.console": "true", PROJECT: "whisperengine-console"}
    bot_container("ours", name="whisperengine-console-postgres", labels=ours, command=SLEEP)
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        async with api.client(await api.admin_login(Role.OPERATOR)) as operator:
            denied = await operator.post("/api/admin/adoption", json={"project": "whisperengine-console"})
            assert denied.status_code == 403
        async with api.client(await api.admin_login()) as console:
            answers = [
                await console.post("/api/admin/adoption", json=body)
                for body in (
                    {"names": ["whisperengine-console-postgres"]},
                    {"project": "whisperengine-console"},
                    {"names": ["nobody"]},
                    {},
                )
            ]
            assert [answer.status_code for answer in answers] == [409, 404, 404, 422], [one.text for one in answers]
            entries = (await console.get("/api/admin/audit", params={"outcome": "denied"})).json()["entries"]
            assert [entry["action"] for entry in entries] == ["settings.manage"]


@pytest.mark.docker
async def test_a_container_that_bots_config_names_is_the_bot_s(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    make_settings: MakeSettings,
    tmp_path: Path,
) -> None:
    """``container:`` gives a bot its container whatever that is called; adopted, it can be restarted."""
    started = bot_container("elena", name="heroine", labels={})
    config = tmp_path / "bots.json"
    config.write_text(f'{{"elena": {{"port": {started.port}, "container": "heroine"}}}}')
    settings = make_settings(docker_host=docker_engine.host, bots_config=config)
    async with running_api(settings) as api, api.client(await api.admin_login()) as console:
        await eventually(lambda: _container(api) == "heroine")
        assert (await console.post("/api/admin/bots/elena/restart")).status_code == 404
        assert (await console.post("/api/admin/adoption", json={"names": ["heroine"]})).status_code == 200
        assert (await console.post("/api/admin/bots/elena/restart")).status_code == 200
        await eventually(lambda: _bot_status(api) is BotStatus.ONLINE)


def _container(api: RunningApi) -> str | None:
    return next((bot.container.name for bot in api.services.fleet.current().bots if bot.container), None)


def _parts(api: RunningApi) -> dict[str, ServiceStatus]:
    return {one.container: one.status for one in api.services.fleet.current().services if one.container}


def _titles(api: RunningApi) -> dict[str, str]:
    return {one.title: one.role.value for one in api.services.fleet.current().services if one.container}


def _bot_status(api: RunningApi) -> BotStatus:
    return next((bot.status for bot in api.services.fleet.current().bots), BotStatus.UNKNOWN)


def _cause(api: RunningApi) -> str | None:
    return next(bot.cause for bot in api.services.fleet.current().bots)


async def _started_at(part: BotContainer) -> str:
    await asyncio.to_thread(part.container.reload)
    return str(part.container.attrs["State"]["StartedAt"])


async def _is_recorded(console: httpx.AsyncClient, part: str) -> None:
    """A start of a part is recorded, with its image, and its environment once it is adopted."""

    async def is_there() -> bool:
        found = (await console.get("/api/admin/changes", params={"bot": part})).json()["configurations"]
        return any(one["bot_name"] == part for one in found)

    await eventually(is_there)


async def _audited(console: httpx.AsyncClient, *actions: str) -> None:
    entries = (await console.get("/api/admin/audit")).json()["entries"]
    assert set(actions) <= {entry["action"] for entry in entries}
