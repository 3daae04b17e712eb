"""The compose file: hardened, without default secrets, and its services run for real as it says."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from docker.models.containers import Container

from chat_api.core.errors import EngineFailed
from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.docker import DockerEngine
from chat_api.engine.schemas import ContainerState
from console.adoption import rules
from tests.support.api import MakeSettings, running_api
from tests.support.compose import (
    COMPOSE_FILE,
    FLEET_FILE,
    MONITORING_FILE,
    REQUIRED,
    ROOT,
    SERVICES,
    VARIABLE,
    ComposeRefused,
    compose,
    run_options,
    services,
)
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.fault_proxy import tcp_door
from tests.support.ports import free_port
from tests.support.socket_proxy import socket_proxy

BOTS = ("elena", "marcus", "ryan", "dream", "gabriel")


FILES = (COMPOSE_FILE, MONITORING_FILE, FLEET_FILE)
ALL_SERVICES = (*SERVICES, "console-prometheus", "console-grafana")


def service(name: str) -> dict[str, Any]:
    """One service with all required variables set."""
    found: dict[str, Any] = services()[name]
    return found


def test_compose_takes_the_files_alone_and_together() -> None:
    """The real one, without a warning."""
    assert set(compose(REQUIRED)["services"]) == set(SERVICES)
    assert set(services()) == set(ALL_SERVICES)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_secret_stops_compose(name: str) -> None:
    """Nothing starts on a default password: the variable that is missing is named."""
    with pytest.raises(ComposeRefused, match=name):
        compose(REQUIRED | {name: ""}, MONITORING_FILE, FLEET_FILE)


def test_no_secret_is_written_into_the_file() -> None:
    """Whatever is called a secret comes from the environment, and has no default there."""
    text = "".join(file.read_text() for file in FILES)
    for match in VARIABLE.finditer(text):
        if match["name"] and re.search(r"SECRET|PASSWORD|_KEY|TOKEN", match["name"]):
            assert match["kind"] == ":?" or not match["rest"], match[0]
    for line in re.findall(r"^\s+\w*(?:SECRET|PASSWORD|TOKEN|AUTH)\w*: (.+)$", text, re.MULTILINE):
        assert line.startswith("${"), line


def test_every_variable_is_documented() -> None:
    """What the file reads is in .env.example, and the other way round."""
    used = {match["name"] for file in FILES for match in VARIABLE.finditer(file.read_text()) if match["name"]}
    used |= {"COMPOSE_PROFILES", "WEB_UI_COMPOSE_FILES"}  # read by compose, and by web-ui.sh
    documented = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used == documented


@pytest.mark.parametrize("name", ALL_SERVICES)
def test_every_service_is_hardened(name: str) -> None:
    """No privileges, no writable root, limits on everything, a health check, and the engine's socket in one only."""
    found = service(name)
    assert found["read_only"]
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= set(found["deploy"]["resources"]["limits"])
    assert found["ulimits"]["nofile"]["soft"] >= 16384
    assert found["healthcheck"]["test"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(found)
    assert ("docker.sock" in str(found.get("volumes", ""))) == (name == "console-docker-proxy")
    assert ("ports" in found) == (name in {"whisperengine-web", "console-prometheus", "console-grafana"})


def test_nothing_has_a_name_of_a_fleet() -> None:
    """Each thing is named in full and labelled; only the service and container of the specification keep theirs."""
    parsed = compose(REQUIRED, MONITORING_FILE)
    assert parsed["name"] == "whisperengine-console"
    for kind in ("networks", "volumes"):
        for name, part in parsed[kind].items():
            assert part["name"] == f"whisperengine-console_{name}"
            assert part["labels"]["whisperengine.console"]
    for name, found in parsed["services"].items():
        assert found["labels"]["whisperengine.console"]
        assert re.fullmatch(r"whisperengine-web|(console|sample)-[a-z-]+", name)
        assert re.fullmatch(
            r"whisperengine-web-interface|whisperengine-console-[a-z-]+|whisperengine-sample-[a-z]+-bot",
            found["container_name"],
        )
    addresses = parsed["services"]["whisperengine-web"]["environment"]
    for variable in ("DATABASE_URL", "REDIS_URL", "QDRANT_URL", "DOCKER_HOST"):
        assert urlsplit(addresses[variable]).hostname in SERVICES, (
            "a fleet on the same network may have the short names"
        )


def test_sample_bots_are_labelled_as_the_console_expects() -> None:
    """Container, label, port and key of a sample bot agree, and it starts only with the profile."""
    for name in (f"sample-{bot}" for bot in BOTS):
        found = service(name)
        assert found["profiles"] == ["sample-bots"]
        assert found["container_name"] == f"whisperengine-{name}-bot"
        assert found["labels"]["whisperengine.bot"] == found["environment"]["DISCORD_BOT_NAME"] == name
        assert found["labels"]["whisperengine.bot.port"] == found["environment"]["HEALTH_CHECK_PORT"]


@pytest.fixture
async def proxied_host(docker_engine: DockerEngineHandle) -> AsyncIterator[str]:
    """The real engine behind the rules of the deployed proxy."""
    async with socket_proxy(docker_engine.host, service("console-docker-proxy")["command"]) as host:
        yield host


@pytest.mark.docker
async def test_the_proxy_lets_through_what_the_console_needs(
    proxied_host: str, bot_container: Callable[..., BotContainer]
) -> None:
    """List, inspect, logs, restart, stop, start and events of a labelled bot all work through the rules."""
    started = bot_container("sample-elena", name="whisperengine-sample-elena-bot")
    await eventually(lambda: _is_ok(f"{started.url}/health"))
    engine = DockerEngine(proxied_host)
    assert await engine.ping() > 0
    (view,) = await engine.list_bots()
    assert view.bot_name == "sample-elena"
    assert await engine.logs_tail(view)
    await engine.restart(view, timeout_s=5)
    await engine.stop(view, timeout_s=5)
    stopped = await engine.inspect("sample-elena")
    assert stopped is not None
    assert stopped.state is ContainerState.EXITED
    await engine.start(stopped)
    events = engine.events(view.started_at)
    assert (await anext(aiter(events))).bot_name == "sample-elena"
    await events.aclose()
    await engine.close()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/containers/create"),
        ("GET", "/containers/whisperengine-console-postgres/json"),
        ("GET", "/v1.41/containers/whisperengine-web-interface/logs"),
        ("POST", "/v1.41/containers/whisperengine-console-postgres/restart"),
        ("POST", "/containers/whisperengine-elena-bot/exec"),
        ("POST", "/containers/whisperengine-elena-bot/kill"),
        ("POST", "/containers/elena-bot/restart"),
        ("GET", "/containers/elena-bot/logs"),
        ("GET", "/containers/whisperengine-v2-elena/json"),
        ("POST", "/containers/whisperengine-sample-elena-bot/../whisperengine-console-postgres/stop"),
        ("DELETE", "/containers/whisperengine-elena-bot"),
        ("PUT", "/containers/whisperengine-elena-bot/archive"),
        ("GET", "/containers/whisperengine-elena-bot/archive"),
        ("GET", "/images/json"),
        ("GET", "/secrets"),
        ("POST", "/swarm/init"),
        ("POST", "/build"),
    ],
)
async def test_the_proxy_refuses_everything_else(proxied_host: str, method: str, path: str) -> None:
    """Nothing that would read a secret or run something else gets through."""
    async with httpx.AsyncClient() as client:
        answer = await client.request(method, proxied_host.replace("tcp:", "http:") + path)
    assert answer.status_code in {403, 405}


@pytest.mark.docker
async def test_a_fleet_is_seen_through_the_proxy_before_anything_is_adopted(
    proxied_host: str, bot_container: Callable[..., BotContainer], make_settings: MakeSettings
) -> None:
    """By the engine's list alone, for no container may be looked into: both generations, and nobody else's bot."""
    names = {"whisperengine-v2-elena": "v2", "gabriel-bot": "whisperengine-multi", "telegram-bot": "shop"}
    for name, project in names.items():
        bot_container("bot", name=name, labels={"com.docker.compose.project": project})
    bot_container("worker", name="v2-worker-cognition-1", labels={"com.docker.compose.project": "v2"})
    async with running_api(make_settings(docker_host=proxied_host)) as api:
        await eventually(lambda: {bot.name for bot in api.services.fleet.current().bots} == {"elena", "gabriel"})
        ports = {bot.name: bot.port for bot in api.services.registry.all()}
        assert ports == {"elena": 8000, "gabriel": 9090}
        await eventually(lambda: [one.title for one in api.services.fleet.current().services if one.container])


@pytest.mark.docker
async def test_the_rules_are_made_from_what_is_adopted(
    docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """With the two lines of ``proxy-rules`` an adopted bot can be restarted through the proxy, its neighbour cannot."""
    for bot in ("elena", "ryan"):
        bot_container(bot, name=f"whisperengine-v2-{bot}", labels={"com.docker.compose.project": "v2"})
    variables = dict(line.partition("=")[::2] for line in rules(["whisperengine-v2-elena"]))
    command = compose(REQUIRED | {name: text.strip("'") for name, text in variables.items()})["services"][
        "console-docker-proxy"
    ]["command"]
    async with socket_proxy(docker_engine.host, command) as host:
        engine = DockerEngine(host, adopted=AdoptedContainers(projects=frozenset({"v2"})))
        views = {view.bot_name: view for view in await engine.list_bots()}
        assert {name: view.state for name, view in views.items()} == dict.fromkeys(
            ("elena", "ryan"), ContainerState.RUNNING
        )
        await engine.restart(views["elena"], timeout_s=1)
        for act in (engine.restart, engine.logs_tail, engine.facts):
            with pytest.raises(EngineFailed, match="does not allow"):
                await act(views["ryan"])
        await engine.close()


@pytest.mark.docker
async def test_a_refusal_of_the_proxy_is_a_clear_error(
    docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """An operator is told that the engine does not allow it."""
    bot_container("elena", name="whisperengine-elena-bot")
    async with socket_proxy(docker_engine.host, ["-allowGET=.*", "-allowPOST=/none"]) as host:
        engine = DockerEngine(host)
        (view,) = await engine.list_bots()
        with pytest.raises(EngineFailed, match="does not allow"):
            await engine.restart(view)
        await engine.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Real servers at TCP addresses of this machine."""

    database_url: str
    redis_url: str


@pytest.fixture
async def backends(empty_database_url: str, redis_url: str) -> AsyncIterator[Backends]:
    """The test's PostgreSQL and Valkey as a container reaches them: through TCP."""
    async with AsyncExitStack() as stack:
        sql = urlsplit(empty_database_url)
        sql_port = await stack.enter_async_context(tcp_door(f"{parse_qs(sql.query)['host'][0]}/.s.PGSQL.5432"))
        bus = urlsplit(redis_url)
        bus_port = await stack.enter_async_context(tcp_door(bus.path))
        number = parse_qs(bus.query)["db"][0]
        yield Backends(
            database_url=f"postgresql://postgres@127.0.0.1:{sql_port}{sql.path}",
            redis_url=f"redis://127.0.0.1:{bus_port}/{number}",
        )


@pytest.mark.docker
async def test_the_web_service_runs_as_composed(
    docker_engine: DockerEngineHandle,
    web_image: str,
    backends: Backends,
    proxied_host: str,
    bot_container: Callable[..., BotContainer],
) -> None:
    """Read-only, without privileges and under its limits it becomes healthy, serves, stores, and ends in order."""
    bot_container("nova", name="whisperengine-nova-bot")
    port = free_port()
    options = run_options(service("whisperengine-web"))
    options["environment"] |= {
        "WEB_UI_HOST": "127.0.0.1",
        "WEB_UI_PORT": str(port),
        "DATABASE_URL": backends.database_url,
        "REDIS_URL": backends.redis_url,
        "DOCKER_HOST": proxied_host,
    }
    container = docker_engine.client.containers.run(web_image, detach=True, network_mode="host", **options)
    try:
        await _becomes_healthy(container)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client:
            assert (await client.get("/")).is_success
            login = await client.post("/api/login", json={"username": "container"})
            assert login.status_code == 200, login.text
            await eventually(lambda: _lists(client, "nova"))
        assert container.exec_run(["touch", "/app/x"]).exit_code != 0
        assert container.exec_run(["touch", "/state/x"]).exit_code == 0
        assert container.exec_run(["sh", "-c", "test $(id -u) = 10001"]).exit_code == 0
        assert container.exec_run(["sh", "-c", "test $(ulimit -n) = 16384"]).exit_code == 0
        # In a thread: the doors to its servers are in this loop, and it says goodbye to them.
        await asyncio.to_thread(container.stop, timeout=30)
        container.reload()
        assert container.attrs["State"]["ExitCode"] == 0, container.logs(tail=50).decode()
    finally:
        container.remove(force=True, v=True)


@pytest.mark.docker
async def test_a_bot_service_runs_as_composed(docker_engine: DockerEngineHandle, web_image: str) -> None:
    """A bot from the same image becomes healthy under the composed limits."""
    options = run_options(service("sample-elena"))
    port = free_port()
    options["environment"] |= {"HEALTH_CHECK_PORT": str(port), "SAMPLE_BOT_HOST": "127.0.0.1"}
    container = docker_engine.client.containers.run(web_image, detach=True, network_mode="host", **options)
    try:
        await _becomes_healthy(container)
    finally:
        container.remove(force=True, v=True)


async def _becomes_healthy(container: Container) -> None:
    def verdict() -> str | None:
        container.reload()
        state = container.attrs["State"]
        health: str = state["Health"]["Status"] if state["Running"] else "ended"
        return None if health == "starting" else health

    assert await eventually(verdict) == "healthy", container.logs().decode()


async def _is_ok(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).is_success


async def _lists(client: httpx.AsyncClient, name: str) -> bool:
    return name in {bot["name"] for bot in (await client.get("/api/bots")).json()["bots"]}


def test_what_is_mounted_exists() -> None:
    """Every folder of the checkout that is mounted read-only is really there; secrets are made at the deployment."""
    for name in ALL_SERVICES:
        for volume in service(name).get("volumes", ()):
            source = Path(volume["source"])
            if volume["type"] == "bind" and volume.get("read_only") and source.is_relative_to(ROOT):
                assert source.exists() or source.parent == ROOT / "deploy" / "secrets"
