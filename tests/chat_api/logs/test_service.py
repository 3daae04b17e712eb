"""Logs on a real Docker Engine: one reader for many viewers, bounded, nothing twice, nothing lost, no secret."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from docker.models.services import Service

from chat_api.core.errors import EngineUnavailable, NotAuthenticated
from chat_api.core.principals import Principal
from chat_api.engine.docker import DockerEngine
from chat_api.engine.interface import NoEngine
from chat_api.engine.log_schemas import LogLevel, LogLine, moment_of
from chat_api.engine.logs import MAX_BATCH_LINES
from chat_api.fleet.registry import BotRegistry
from chat_api.logs.service import LogService
from chat_api.logs.viewer import LogViewer
from models import Role
from tests.support.api import MakeSettings
from tests.support.docker_engine import BOT_LABEL, BotContainer, DockerEngineHandle
from tests.support.eventually import eventually

pytestmark = pytest.mark.docker
VIEWER = Principal(user_id="v", username="viewer", display_name="V", session_id=uuid4(), role=Role.VIEWER)
BURST = 20_000
HOSTILE = r"""
import os, sys, time
out = sys.stdout.buffer
out.write(b"plain <b onclick=alert(1)>bold</b>\n")
out.write(b"\x1b[31mERROR red\x1b[0m \x1b]0;title\x07\x1b[2J end\n")
out.write(b"\xff\xfe not utf-8\n")
out.write(b"x" * 1_000_000 + b"\n")
out.write(b"LLM_CHAT_API_KEY=abcdef123456 postgresql://user:hunter2@db/x\n")
out.flush()
sys.stderr.write("to stderr\n"); sys.stderr.flush()
out.write(b"last\n"); out.flush()
time.sleep(600)
"""
Start = Callable[..., BotContainer]


@pytest.fixture
async def engine(docker_engine: DockerEngineHandle) -> AsyncIterator[DockerEngine]:
    """A client of the real engine."""
    engine = DockerEngine(docker_engine.host)
    yield engine
    await engine.close()


@pytest.fixture
async def logs(engine: DockerEngine, make_settings: MakeSettings, tmp_path: Any) -> AsyncIterator[LogService]:
    """The service, for a fleet that has elena and marcus."""
    settings = make_settings()
    (tmp_path / "bots.yaml").write_text("[{name: elena, port: 1}, {name: marcus, port: 2}]")
    registry = BotRegistry(settings)
    await registry.refresh()
    service = LogService(engine, registry, linger_s=0.2)
    yield service
    await service.close()


def script(code: str) -> dict[str, Any]:
    """What makes a container run some Python and stay, for half a second before it is told to end."""
    return {"command": ["python", "-u", "-c", code], "stop_signal": "SIGKILL"}


def counting(count: int, *, pause_s: float = 0.0) -> dict[str, Any]:
    """A container that counts in its log."""
    wait = f"time.sleep({pause_s})" if pause_s else "pass"
    return script(f"import time\nfor n in range({count}):\n print('line', n)\n {wait}\ntime.sleep(600)")


def taken(viewer: LogViewer) -> list[LogLine]:
    """All that waits."""
    return list(viewer.take(100_000).lines)


def reader_threads() -> list[threading.Thread]:
    """The threads that follow a log now."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("docker-logs-")]


async def collect(viewer: LogViewer, count: int) -> list[LogLine]:
    """Take until there are so many lines."""
    seen: list[LogLine] = []

    def enough() -> bool:
        seen.extend(taken(viewer))
        return len(seen) >= count

    await eventually(enough)
    return seen


async def test_a_log_ends_where_the_adoption_does(engine: DockerEngine, logs: LogService, bot_container: Start) -> None:
    """Who looks is sent nothing more, who comes is given nothing of before; adopted again, it goes on."""
    bot_container("elena", name="elena-bot", labels={}, **counting(100_000, pause_s=0.05))
    engine.adopted.names = {"elena-bot": ""}
    viewer = logs.watch(VIEWER, ["elena"])
    await collect(viewer, 5)
    engine.adopted.names = {}
    taken(viewer)
    late = logs.watch(VIEWER, ["elena"])
    await eventually(lambda: "not adopted" in logs.problems(["elena"]).get("elena", ""))
    assert (taken(viewer), taken(late)) == ([], [])
    engine.adopted.names = {"elena-bot": ""}
    await collect(late, 5)
    viewer.close()
    late.close()


async def test_a_burst_is_bounded_and_counted(logs: LogService, bot_container: Start) -> None:
    """20,000 lines at once: one reader for two viewers, a batch a turn of the loop; shown + dropped = emitted."""
    wait = "import os, time\nprint('ready')\nwhile not os.path.exists('/tmp/go'): time.sleep(0.05)\n"
    started = bot_container("elena", **script(f"{wait}for n in range({BURST}): print('line', n)\ntime.sleep(600)"))
    quick, stalled = logs.watch(VIEWER, ["elena"]), logs.watch(VIEWER, ["elena"], pattern="line \\d*[1-9]$")
    await collect(quick, 1)
    started.container.exec_run(["touch", "/tmp/go"])
    most = most_at_once = emitted = 0

    def is_over() -> bool:
        nonlocal most, most_at_once, emitted
        most = max(most, quick.counts.waiting, stalled.counts.waiting)
        most_at_once = max(most_at_once, quick.counts.emitted - emitted)
        emitted = quick.counts.emitted
        taken(quick)
        assert len(reader_threads()) == 1
        return emitted == BURST + 1

    await eventually(is_over, interval_s=0)
    assert quick.counts.shown + quick.counts.dropped == quick.counts.emitted
    assert most <= 2000
    assert most_at_once <= MAX_BATCH_LINES
    counts = stalled.counts
    assert (counts.emitted, counts.waiting) == (BURST * 9 // 10, 2000)
    assert counts.dropped == counts.emitted - counts.waiting
    quick.close()
    stalled.close()
    await eventually(lambda: not reader_threads())


async def test_a_cut_stream_neither_doubles_nor_loses(
    logs: LogService, engine: DockerEngine, bot_container: Start
) -> None:
    """The connection breaks again and again while the bot writes: every number comes once, in order."""
    bot_container("elena", **counting(400, pause_s=0.005))
    viewer = logs.watch(VIEWER, ["elena"])

    async def cut() -> None:
        while True:
            await asyncio.sleep(0.4)
            for thread in reader_threads():
                stream = getattr(thread, "_stream", None)
                if stream is not None:
                    stream.close()

    cutting = asyncio.create_task(cut())
    try:
        seen = await collect(viewer, 400)
    finally:
        cutting.cancel()
    await asyncio.sleep(0.3)
    seen += taken(viewer)
    assert [line.plain for line in seen] == [f"line {number}" for number in range(400)]
    viewer.close()


async def test_a_recreated_container_is_followed_on(logs: LogService, bot_container: Start) -> None:
    """The same bot in a new container: the viewer sees what it writes, and the old lines once."""
    first = bot_container("elena", **script("print('first', flush=True)\nimport time; time.sleep(600)"))
    viewer = logs.watch(VIEWER, ["elena"])
    assert [line.plain for line in await collect(viewer, 1)] == ["first"]
    first.container.remove(force=True)
    bot_container("elena", **script("print('second', flush=True)\nimport time; time.sleep(600)"))
    assert [line.plain for line in await collect(viewer, 1)] == ["second"]
    viewer.close()


@pytest.mark.parametrize("is_tty", [False, True])
async def test_hostile_output_is_harmless(logs: LogService, bot_container: Start, is_tty: bool) -> None:
    """Colours stay, other escapes go; long lines are cut; secrets are masked; bytes that are no text do not hurt."""
    bot_container("elena", tty=is_tty, **script(HOSTILE))
    viewer = logs.watch(VIEWER, ["elena"])
    seen = await collect(viewer, 7)
    by_stream = {line.plain: line.stream for line in seen}
    html, red, broken, long, secret = (line for line in seen if line.plain not in {"last", "to stderr"})
    assert html.plain == "plain <b onclick=alert(1)>bold</b>"
    assert (red.text, red.plain) == ("\x1b[31mERROR red\x1b[0m  end", "ERROR red  end")
    assert red.level is LogLevel.ERROR
    assert "not utf-8" in broken.plain
    assert len(long.text) == 4000
    assert long.text.endswith("[cut]")
    assert "abcdef123456" not in secret.text
    assert "hunter2" not in secret.text
    assert by_stream["to stderr"] == ("stdout" if is_tty else "stderr")
    viewer.close()


async def test_history_by_time(logs: LogService, bot_container: Start) -> None:
    """A span, filtered, from either end; and that there is more."""
    bot_container("elena", **counting(100, pause_s=0.002))
    viewer = logs.watch(VIEWER, ["elena"])
    lines = await collect(viewer, 100)
    viewer.close()
    since = moment_of(lines[0].at_ns)
    newest = await logs.history(VIEWER, ["elena"], since=since, pattern="5$", limit=3)
    assert [line.plain for line in newest.lines] == ["line 75", "line 85", "line 95"]
    assert newest.is_cut
    oldest = await logs.history(VIEWER, ["elena"], since=moment_of(lines[50].at_ns), limit=2, newest=False)
    assert [line.plain for line in oldest.lines] == ["line 50", "line 51"]
    missing = await logs.history(VIEWER, ["elena", "marcus"], since=since, limit=1)
    assert len(missing.lines) == 1
    assert missing.failures.keys() == {"marcus"}


async def test_a_swarm_services_log(logs: LogService, docker_engine: DockerEngineHandle, bot_image: str) -> None:
    """The tasks of a service are followed and read back like a container."""
    services: Any = docker_engine.client.services
    service: Service = services.create(
        bot_image,
        name=f"elena-bot-{uuid4().hex[:8]}",
        labels={BOT_LABEL: "elena"},
        networks=["host"],
        **{key: value for key, value in counting(20, pause_s=0.05).items() if key == "command"},
    )
    try:
        viewer = logs.watch(VIEWER, ["elena"])
        lines = await collect(viewer, 20)
        assert [line.plain for line in lines] == [f"line {number}" for number in range(20)]
        page = await logs.history(VIEWER, ["elena"], since=moment_of(lines[0].at_ns))
        assert [line.plain for line in page.lines] == [f"line {number}" for number in range(20)]
        viewer.close()
    finally:
        service.remove()  # type: ignore[no-untyped-call]


async def test_who_may_not_look(logs: LogService, make_settings: MakeSettings) -> None:
    """A user sees no log; without an engine one is told so."""
    with pytest.raises(NotAuthenticated):
        logs.watch(replace(VIEWER, role=None), ["elena"])
    registry = BotRegistry(make_settings())
    await registry.refresh()
    with pytest.raises(EngineUnavailable):
        LogService(NoEngine(), logs._registry).watch(VIEWER, ["elena"])
