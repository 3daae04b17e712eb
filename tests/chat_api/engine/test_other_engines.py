"""Engines that answer as Podman, an older Docker or a proxy before either does, and ones that are half broken."""

import asyncio
import itertools
import json
import ssl
import struct
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chat_api.core.errors import EngineFailed, EngineUnavailable
from chat_api.core.settings import Settings
from chat_api.engine.client import EngineTls
from chat_api.engine.docker import DockerEngine
from chat_api.engine.log_lines import lines_of
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.ports import container_ports
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.engine.views import container_event
from tests.support.fake_engine import Answer, answering, misbehaving_engine

LABEL = "whisperengine.bot"
STARTED = "2026-01-01T10:00:00.5Z"
SECOND_NS = 1_000_000_000


def summary(name: str) -> dict[str, Any]:
    """A line of ``GET /containers/json``."""
    return {"Id": name, "Names": [f"/{name}-bot"], "Image": "bot:1", "Labels": {LABEL: name}}


def inspected(name: str, state: dict[str, Any], **config: Any) -> bytes:
    """An answer of ``GET /containers/{name}/json``."""
    labels = {LABEL: name, f"{LABEL}.port": "9090"}
    raw = {"Id": name, "Name": f"/{name}-bot", "Config": {"Image": "bot:1", "Labels": labels, **config}, "State": state}
    return json.dumps(raw | {"HostConfig": {}, "NetworkSettings": {}}).encode()


def fleet(details: dict[str, Answer]) -> Any:
    """An engine with these containers and without Swarm."""

    def answers(_: str, target: str) -> Answer:
        path = urlsplit(target).path
        if path == "/services":
            return 503
        if path == "/containers/json":
            return json.dumps([summary(name) for name in details]).encode()
        return details[path.split("/")[2].removesuffix("-bot")]

    return answering(answers)


async def silence(_: asyncio.StreamWriter) -> None:
    """No answer, ever."""
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ({"Status": "running", "StartedAt": STARTED, "ExitCode": 0}, ContainerState.RUNNING),
        ({"Status": "stopping"}, ContainerState.RUNNING),
        ({"Status": "stopped", "ExitCode": 143}, ContainerState.EXITED),
        ({"Status": "initialized"}, ContainerState.CREATED),
        ({"Status": "configured"}, ContainerState.CREATED),
        ({"Status": ""}, ContainerState.UNKNOWN),
        ({"Status": "unheard-of"}, ContainerState.UNKNOWN),
        ({}, ContainerState.UNKNOWN),
    ],
)
async def test_every_engine_has_its_words_for_a_state(state: dict[str, Any], seen: ContainerState) -> None:
    """One that we do not know is that container's only."""
    healthy = {"Status": "running", "StartedAt": STARTED}
    details: dict[str, Answer] = {"elena": inspected("elena", healthy), "marcus": inspected("marcus", state)}
    async with misbehaving_engine(fleet(details)) as host:
        engine = DockerEngine(host)
        elena, marcus = await engine.list_bots()
        assert (elena.state, marcus.state) == (ContainerState.RUNNING, seen)
        await engine.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (500, "the container engine can't describe it"),
        (b"7", "the container engine can't describe it"),
        (silence, "the container engine does not answer for it"),
    ],
)
async def test_one_container_s_fault_stays_its_own(fault: Answer, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are seen, and this one is unknown, with the reason; also at the next look, while it is still asked."""
    monkeypatch.setattr("chat_api.engine.details.LIST_S", 0.5)
    details: dict[str, Answer] = {
        "elena": inspected("elena", {"Status": "running", "StartedAt": STARTED}),
        "marcus": fault,
    }
    async with misbehaving_engine(fleet(details)) as host:
        engine = DockerEngine(host)
        for _ in range(2):
            elena, marcus = await engine.list_bots()
            assert elena.state is ContainerState.RUNNING
            assert (marcus.state, marcus.error, marcus.is_managed) == (ContainerState.UNKNOWN, error, True)
        await engine.close()


async def test_two_who_ask_at_once_are_both_answered() -> None:
    """What is only under way for somebody else is not taken for a container that the engine is silent about."""
    body = inspected("elena", {"Status": "running", "StartedAt": STARTED})

    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    async with misbehaving_engine(fleet({"elena": slow})) as host:
        engine = DockerEngine(host)
        for (view,) in await asyncio.gather(*(engine.list_bots() for _ in range(3))):
            assert (view.state, view.error) == (ContainerState.RUNNING, None)
        await engine.close()


async def test_a_list_asks_for_many_at_once() -> None:
    """250 containers are no 250 waits one after the other."""
    running = {"Status": "running", "StartedAt": STARTED}
    under_way, most = itertools.count(), [0]
    open_now = 0

    def slow(name: str) -> Answer:
        async def write(writer: asyncio.StreamWriter) -> None:
            nonlocal open_now
            next(under_way)
            open_now += 1
            most[0] = max(most[0], open_now)
            await asyncio.sleep(0.02)
            open_now -= 1
            body = inspected(name, running)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)

        return write

    details = {f"bot{number}": slow(f"bot{number}") for number in range(250)}
    async with misbehaving_engine(fleet(details)) as host:
        engine = DockerEngine(host, call_timeout_s=60)
        found = await engine.list_bots()
        assert len(found) == 250
        assert next(under_way) == 250
        assert most[0] > 8
        await engine.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``DOCKER_CERT_PATH``: one certificate for both ends, which is its own authority."""
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    return folder


async def test_an_engine_behind_tls_is_spoken_to_as_docker_does(certificates: Path) -> None:
    """Both ends show who they are; without our certificate, or with one of nobody we know there, nothing is said."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    details: dict[str, Answer] = {"elena": inspected("elena", {"Status": "running", "StartedAt": STARTED})}
    async with misbehaving_engine(fleet(details), tls=context) as host:
        settings = Settings(docker_host=host, docker_tls_verify=True, docker_cert_path=certificates)
        engine = DockerEngine(host, tls=EngineTls.of(settings))
        assert [view.bot_name for view in await engine.list_bots()] == ["elena"]
        await engine.close()
        for changes in ({"docker_cert_path": None}, {"docker_cert_path": None, "docker_tls_verify": False}):
            stranger = DockerEngine(host, tls=EngineTls.of(settings.model_copy(update=changes)))
            with pytest.raises(EngineUnavailable):
                await stranger.list_bots()
            await stranger.close()


@pytest.mark.parametrize(("action", "query"), [("start", {}), ("restart", {"t": ["120"]}), ("stop", {"t": ["120"]})])
async def test_an_engine_may_take_its_time_and_a_container_too(action: str, query: dict[str, list[str]]) -> None:
    """What it answers later than it answers questions is a success all the same; a container is given its own time."""
    asked: list[str] = []

    def answers(method: str, target: str) -> Answer:
        if method == "POST":
            asked.append(target)

            async def late(writer: asyncio.StreamWriter) -> None:
                await asyncio.sleep(2.5)  # a question is given up after one second here
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

            return late
        return inspected("elena", {"Status": "running", "StartedAt": STARTED}, StopTimeout=120)

    async with misbehaving_engine(answering(answers)) as host:
        engine = DockerEngine(host, call_timeout_s=1)
        view = bot_view()
        if action == "start":
            await engine.start(view)
        else:
            await getattr(engine, action)(view, timeout_s=120)
        await engine.close()
    assert [urlsplit(target).path for target in asked] == [f"/containers/elena-bot/{action}"]
    assert parse_qs(urlsplit(asked[0]).query) == query


def bot_view() -> ContainerView:
    """Elena's container."""
    return ContainerView(
        bot_name="elena",
        kind=ContainerKind.CONTAINER,
        id="elena",
        name="elena-bot",
        state=ContainerState.RUNNING,
        is_managed=True,
        last_seen_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def frame(text: str, kind: int = 1) -> bytes:
    """One message of a container's log."""
    return struct.pack(">BxxxL", kind, len(text.encode())) + text.encode()


def read(chunks: Iterable[bytes], *, is_tty: bool = False) -> list[RawLine]:
    """All lines."""
    return [line for lines in lines_of(chunks, is_tty=is_tty) for line in lines]


def test_a_time_with_a_zone_is_read() -> None:
    """Podman writes the host's zone."""
    (line,) = read([frame("2023-12-08T18:16:56.291023422+01:00 hello\n")])
    assert line.text == "hello"
    assert datetime.fromtimestamp(line.at_ns / 1e9, UTC).isoformat()[:23] == "2023-12-08T17:16:56.291"
    assert line.at_ns % SECOND_NS == 291_023_422


def test_last_words_need_no_end_of_line() -> None:
    """Of a process that died in the middle of one, framed and on a terminal."""
    assert [line.text for line in read([frame("2026-01-01T00:00:00Z one\n"), frame("2026-01-01T00:00:01Z two")])] == [
        "one",
        "two",
    ]
    assert [line.text for line in read([b"2026-01-01T00:00:00Z last"], is_tty=True)] == ["last"]


@pytest.mark.parametrize(
    "chunks",
    [
        [frame("2026-01-01T00:00:00Z \r 0%\r 33%\r100% done\n")],
        [frame("2026-01-01T00:00:00Z \r 0%\r 33%"), frame("2026-01-01T00:00:01Z \r100% done\r\n")],
        [frame("2026-01-01T00:00:00Z " + "".join(f"\r{n}%" + "=" * 80 for n in range(99)) + "\r100% done\n")],
    ],
    ids=["one", "pieces", "long"],
)
def test_a_progress_bar_is_what_it_came_to(chunks: list[bytes]) -> None:
    """It draws over itself; what is seen in the end is the line."""
    assert [line.text for line in read(chunks)] == ["100% done"]


def test_the_engine_s_own_trouble_with_a_log_is_said() -> None:
    """After the lines that came before it."""
    error = frame("Error grabbing logs: invalid character '\x00'", kind=3)
    batches = lines_of([frame("2026-01-01T00:00:00Z fine\n") + error], is_tty=False)
    assert [line.text for line in next(batches)] == ["fine"]
    with pytest.raises(EngineFailed, match="can't read this log: Error grabbing logs: invalid character"):
        next(batches)


async def test_the_engine_s_trouble_is_the_end_of_a_history_and_of_a_live_view() -> None:
    """The good line is there, and then the engine's words; a live view is told, and does not come back for ever."""
    log = frame("2026-01-01T00:00:00Z fine\n") + frame("Error grabbing logs: bad", kind=3)

    def answers(_: str, target: str) -> Answer:
        return log if "/logs" in target else inspected("elena", {"Status": "running", "StartedAt": STARTED})

    async with misbehaving_engine(answering(answers)) as host:
        engine = DockerEngine(host)
        until_ns = int(datetime(2026, 1, 1, 0, 1, tzinfo=UTC).timestamp()) * SECOND_NS
        lines, _ = await engine.log_history(
            bot_view(), lambda raw: raw.text, since_ns=until_ns - 86_400 * SECOND_NS, until_ns=until_ns, limit=10
        )
        assert lines == ["fine", "The container engine can't read this log: Error grabbing logs: bad"]
        live = engine.follow_logs(bot_view(), lambda raw: raw.text, since_ns=None)
        assert await anext(live) == ("fine",)
        with pytest.raises(EngineFailed, match="Error grabbing logs"):
            await anext(live)
        await engine.close()


@pytest.mark.parametrize(
    ("status", "reason"),
    [(501, "log driver keeps nothing"), (403, "does not allow this"), (409, "dead or being removed")],
)
async def test_why_a_log_cannot_be_read_is_said(status: int, reason: str) -> None:
    """An engine that answers was reached."""

    def answers(_: str, target: str) -> Answer:
        return status if "/logs" in target else inspected("elena", {"Status": "running", "StartedAt": STARTED})

    async with misbehaving_engine(answering(answers)) as host:
        engine = DockerEngine(host)
        with pytest.raises(EngineFailed, match=reason):
            await engine.log_history(bot_view(), lambda raw: raw, since_ns=0, until_ns=SECOND_NS, limit=10)
        await engine.close()


async def test_the_newest_lines_are_read_from_the_end() -> None:
    """Of a log with more in it than we read at once, the lines just before the moment that was asked for."""
    first_s = 1_767_225_600  # 2026-01-01
    lines = [
        f"{datetime.fromtimestamp(first_s + n, UTC):%Y-%m-%dT%H:%M:%SZ} line {n} {'x' * 2000}\n" for n in range(9000)
    ]

    def answers(_: str, target: str) -> Answer:
        if "/logs" not in target:
            return inspected("elena", {"Status": "running", "StartedAt": STARTED})
        query = parse_qs(urlsplit(target).query)
        begin, end = (int(float(query[key][0])) - first_s for key in ("since", "until"))
        return b"".join(frame(line) for line in lines[max(0, begin) : max(0, end + 1)])

    async with misbehaving_engine(answering(answers)) as host:
        engine = DockerEngine(host)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("chat_api.engine.logs.MAX_HISTORY_BYTES", 500_000)
            patch.setattr("chat_api.engine.logs.HISTORY_S", 60.0)
            found, is_more = await engine.log_history(
                bot_view(),
                lambda raw: int(raw.text.split()[1]),
                since_ns=first_s * SECOND_NS,
                until_ns=(first_s + 8_500) * SECOND_NS,
                limit=50,
            )
        assert found == list(range(8_451, 8_501))
        assert is_more
        await engine.close()


@pytest.mark.parametrize("action", ["exec_create", "exec_start: /bin/sh -c true", "exec_die"])
def test_what_is_run_inside_is_no_news(action: str) -> None:
    """A container's own health check every few seconds would have it inspected as often."""
    assert container_event(event(action), {}, label=LABEL) is None


def test_an_event_may_have_no_exit_code() -> None:
    """Podman writes an empty one; it ends nothing."""
    seen = container_event(event("die", exitCode=""), {}, label=LABEL)
    assert seen is not None
    assert (seen.bot_name, seen.exit_code) == ("elena", None)
    assert (container_event(event("die", exitCode="137"), {}, label=LABEL) or seen).exit_code == 137


def event(action: str, **attributes: str) -> dict[str, Any]:
    """A line of ``GET /events``."""
    actor = {"ID": "c1", "Attributes": {"name": "elena-bot", LABEL: "elena", **attributes}}
    return {"Type": "container", "Action": action, "Actor": actor, "timeNano": 1_767_225_600 * SECOND_NS}


def test_a_published_port_is_the_bot_s_own_on_ipv4() -> None:
    """Of a port that is bound twice the one on IPv4; of several ports the one that its own health check asks."""
    bindings = {
        "9095/tcp": [{"HostIp": "::", "HostPort": "49337"}, {"HostIp": "0.0.0.0", "HostPort": "49338"}],
        "9099/tcp": [{"HostIp": "0.0.0.0", "HostPort": "50000"}],
    }
    check = {"Test": ["CMD-SHELL", "curl -f http://localhost:9095/health || exit 1"]}
    raw = {"Config": {"Healthcheck": check}, "NetworkSettings": {"Ports": bindings}}
    ports = container_ports(raw, label=LABEL)
    assert (ports.host, ports.inner) == (49338, 9095)
