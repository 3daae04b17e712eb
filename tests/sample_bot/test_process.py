"""The process itself: its options, its beginning and its end."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from sample_bot.bot import Bot
from sample_bot.character import Character
from sample_bot.options import ContractName, parse
from sample_bot.rules import RuleEngine
from tests.sample_bot.calls import get, post
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, fleet, sample_bot

_ROOT = Path(__file__).resolve().parents[2]


def test_environment_alone_describes_a_bot() -> None:
    """As in a container: no argument, everything from the environment."""
    env = {
        "DISCORD_BOT_NAME": "Gabriel",
        "HEALTH_CHECK_PORT": "9095",
        "SAMPLE_BOT_HOST": "0.0.0.0",
        "SAMPLE_BOT_CONTRACT": "v2",
        "SAMPLE_BOT_DELAY_MS": "250",
        "SAMPLE_BOT_HANG_RATE": "0.5",
        "SAMPLE_BOT_STREAM": "true",
    }
    options = parse([], env)
    assert (options.name, options.port, options.host) == ("gabriel", 9095, "0.0.0.0")
    assert (options.contract, options.delay_ms, options.hang_rate) == (ContractName.V2, 250, 0.5)
    assert options.is_streaming
    assert not options.allows_faults
    assert parse(["--port", "1234"], env).port == 1234


@pytest.mark.parametrize(
    ("argv", "env"),
    [
        (["--failure-rate", "1.5"], {}),
        (["--contract", "v3"], {}),
        (["--delay-ms", "-1"], {}),
        ([], {"HEALTH_CHECK_PORT": "70000"}),
        ([], {"SAMPLE_BOT_BABBLE": "often"}),
        ([], {"LLM_CHAT_API_URL": "http://localhost:1234/v1"}),
        ([], {"LLM_CHAT_API_URL": "http://x", "LLM_CHAT_MODEL": "m", "SAMPLE_BOT_LLM_TIMEOUT_S": "soon"}),
    ],
)
def test_nonsense_is_refused_at_once(argv: list[str], env: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error, exit code 2, from either source."""
    with pytest.raises(SystemExit) as ended:
        parse(argv, env)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_help_names_every_variable() -> None:
    """The help is the reference for containers, too."""
    command = [sys.executable, "-m", "sample_bot", "--help"]
    shown = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    for variable in ("DISCORD_BOT_NAME", "HEALTH_CHECK_PORT", "SAMPLE_BOT_DELAY_MS", "LLM_CHAT_API_KEY"):
        assert variable in shown


async def test_a_bot_becomes_ready_by_itself() -> None:
    """Not before its time, and then without being asked."""
    character = Character(key="jake", display_name="Jake Sterling")
    bot = Bot(character, RuleEngine(character))
    starting = asyncio.create_task(bot.become_ready(after_ms=50))
    await asyncio.sleep(0)
    assert not bot.is_ready
    await starting
    assert bot.is_ready


async def test_a_taken_port_is_one_clear_line(v1_bot: RunningBot) -> None:
    """No traceback for an everyday mistake."""
    with pytest.raises(RuntimeError, match="address already in use") as failed:
        async with sample_bot("marcus", port=v1_bot.port):
            pass
    assert "Traceback" not in str(failed.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_end_is_clean_even_in_mid_answer(http: aiohttp.ClientSession, number: signal.Signals) -> None:
    """Exit code 0, a last line, no traceback, and a caller left hanging is let go."""
    async with sample_bot("jake") as bot:
        await bot.set_faults(mode="hang")
        caller = asyncio.create_task(post(http, bot, "/api/chat", {"user_id": "u", "message": "Hi"}))
        await eventually(bot.calls)
        assert await bot.stop(number) == 0
        assert '"event": "stopped"' in bot.log
        assert "Traceback" not in bot.log
        with pytest.raises(aiohttp.ClientError):
            await caller


async def test_a_killed_bot_refuses_connections_until_restarted(http: aiohttp.ClientSession) -> None:
    """Several bots run side by side; one dies alone and returns on its port."""
    async with fleet(["marcus", "dream"]) as bots:
        await bots["dream"].kill()
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(http, bots["dream"], "/health")
        assert (await get(http, bots["marcus"], "/health"))[0] == 200
        await bots["dream"].restart()
        assert (await get(http, bots["dream"], "/api/bot-info"))[1]["bot_name"] == "Dream of the Endless"


def test_the_bot_stands_alone() -> None:
    """It needs nothing of the console: its image holds this package and little else."""
    foreign = ("chat_api", "console", "models", "nicegui", "fastapi", "sqlmodel", "pydantic")
    code = f"import sys, sample_bot.__main__ as _; print([m for m in {foreign!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
