"""``./web-ui.sh bench``: the shape of what it prints, what it leaves behind, and when it refuses to give figures."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from bench.children import Part, free_ports, running
from bench.generator import LoadGenerator, load_generator
from bench.http import request_bytes
from bench.people import bare_chats
from bench.run import chosen
from bench.scenarios import SCENARIOS
from bench.scenarios.rest import against_nginx
from chat_api.core.errors import InvalidInput, Unavailable
from tests.support import commands
from tests.support.eventually import eventually
from tests.support.ports import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the bench puts everything that it needs."""
    with tempfile.TemporaryDirectory(prefix="we-") as name:
        yield Path(name)


@pytest.fixture
async def generator() -> AsyncIterator[LoadGenerator]:
    """A load generator of the test's own."""
    async with load_generator() as started:
        yield started


@pytest.fixture
async def bot(folder: Path) -> AsyncIterator[Part]:
    """The bot that answers at once."""
    port = free_ports(1)[0]
    argv = [sys.executable, "-m", "bench.servers.bot", str(port)]
    async with running(argv, port=port, log=folder / "bot.log") as part:
        yield part


async def test_a_quick_run_says_how_it_was_and_leaves_nothing(folder: Path) -> None:
    """Each scenario gives rows with a name, a unit and a verdict; afterwards no file and no process is left."""
    home, path = folder / "tmp", folder / "result.json"
    home.mkdir()
    arguments = ("--quick", "--seconds", "0.3", "--only", "single,history", "--json", str(path))
    code, output = await commands.finished("bench", *arguments, env=commands.environment(TMPDIR=home))
    assert code == 0, output
    result = json.loads(path.read_text())
    assert result["is_quick"] is True
    assert {row["scenario"] for row in result["rows"]} == {"single", "history"}
    for row in result["rows"]:
        assert row.keys() >= {"name", "value", "unit", "target", "is_met", "note"}
        assert row["value"] > 0
        assert (row["is_met"] is None) == (row["target"] is None)
        assert row["name"] in output
    assert not list(home.iterdir())
    assert not processes_of(home)


async def test_a_run_that_is_ended_takes_everything_with_it(folder: Path) -> None:
    """SIGTERM in the middle of a measurement ends the bench and all that it started."""
    env = commands.environment(TMPDIR=folder, WEB_UI_PORT=free_port())
    arguments = ("--quick", "--only", "single", "sockets")
    async with commands.running("bench", env, mark="single: ", arguments=arguments) as bench:
        assert await bench.end(signal.SIGTERM) == 130
    assert not await asyncio.to_thread(lambda: list(folder.iterdir()))
    assert not processes_of(folder)


async def test_answers_that_are_no_success_give_no_figures(generator: LoadGenerator, bot: Part) -> None:
    """What is fast because it refuses must not be compared; the generator itself goes on."""
    missing = request_bytes("GET", "/nothing/here")
    with pytest.raises(Unavailable) as caught:
        await generator.repeat(bot.port, [*bare_chats(3), missing], seconds=0.1)
    assert "answered 404" in str(caught.value.detail)
    load = await generator.repeat(bot.port, bare_chats(3), seconds=0.1)
    assert load.count >= 3
    assert 0 < load.median_ms <= load.p99_ms


async def test_a_server_that_goes_away_gives_no_figures(generator: LoadGenerator, bot: Part) -> None:
    """An answer that never comes is not left out of the average."""
    loading = asyncio.create_task(generator.repeat(bot.port, bare_chats(3), seconds=30.0))
    await eventually(lambda: len(psutil.Process(bot.pid).net_connections()) > 3)  # three clients and what it listens on
    await bot.child.stop(signal.SIGTERM)
    with pytest.raises(Unavailable):
        await loading


def test_scenarios_run_in_their_own_order() -> None:
    """All of them without a choice; a wrong name is said before anything is started."""
    assert chosen(()) == list(SCENARIOS)
    assert chosen(["ws,rest", "rest"]) == ["rest", "ws"]
    with pytest.raises(InvalidInput, match="nonsense"):
        chosen(["rest", "nonsense"])


def test_what_needs_nginx_says_so_without_it() -> None:
    """The row stays in the table."""
    row = against_nginx({"ours": [], "bare": []})
    assert (row.value, row.is_met, row.note) == (None, None, "not measured: no nginx")


def processes_of(folder: Path) -> list[str]:
    """The processes that work in a folder or were told of it."""
    return [
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline", "cwd"])
        if str(folder) in f"{process.info['cwd']} {process.info['cmdline']}"
    ]
