"""What a bot's container is shown as: all that is known of it, and as little as an engine may tell."""

from datetime import UTC, datetime, timedelta

import pytest

from chat_api.engine.fact_schemas import (
    ContainerFacts,
    EnvironmentVariable,
    HealthResult,
    MountPoint,
    PortMapping,
)
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerUsage, ContainerView
from console.pages.bot.container import container_html, environment_html, health_html, size_text, usage_html

START = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "<img src=x>"


def _view(**values: object) -> ContainerView:
    known: dict[str, object] = {
        "bot_name": "elena",
        "kind": ContainerKind.CONTAINER,
        "id": "c0ffee",
        "name": "bot-elena",
        "state": ContainerState.RUNNING,
        "is_managed": True,
        "last_seen_at": START,
        "image": "bots/elena:7",
    }
    return ContainerView(**(known | values))  # type: ignore[arg-type]


def _facts(view: ContainerView, **values: object) -> ContainerFacts:
    known: dict[str, object] = {"created_at": None, "image_id": None, "image_digest": None, "command": ""}
    return ContainerFacts(view=view, **(known | values))  # type: ignore[arg-type]


EMPTY = _facts(_view())
FULL = _facts(
    _view(state=ContainerState.EXITED, exit_code=137, oom_killed=True, restart_count=3, health="unhealthy"),
    created_at=START,
    image_digest="sha256:abc",
    command="python bot.py",
    ports=(PortMapping(container="9091/tcp", host="127.0.0.1:9091"), PortMapping(container="9092/tcp", host=None)),
    mounts=(MountPoint(kind="volume", source="models", target="/models", is_writable=False),),
    networks=("front", "back"),
    environment=(
        EnvironmentVariable(name="LOG_LEVEL", value="INFO"),
        EnvironmentVariable(name="DISCORD_TOKEN", value=None),
    ),
    restart_policy="unless-stopped",
    memory_limit_bytes=512 * 2**20,
    cpu_limit=1.5,
    health_command="curl localhost",
    health_results=(
        HealthResult(started_at=START, ended_at=START + timedelta(seconds=1), exit_code=0, output="fine"),
        HealthResult(started_at=START, ended_at=START + timedelta(seconds=2), exit_code=7, output=HOSTILE),
    ),
)
USAGE = ContainerUsage(
    bot_name="elena",
    measured_at=START,
    cpu_percent=12.34,
    memory_bytes=64 * 2**20,
    memory_limit_bytes=512 * 2**20,
    received_bytes_per_s=2048.0,
    sent_bytes_per_s=0.0,
)


def test_usage_has_its_limits() -> None:
    """How much, and of how much; until the first look it is being measured."""
    shown = usage_html(USAGE, FULL)
    for words in ("12.3% of one core, limit 1.5", "64.0 MiB of 512.0 MiB", "2.0 KiB/s", "0 B/s", START.isoformat()):
        assert words in shown
    assert " of " not in usage_html(USAGE, EMPTY).replace("of one core", "")
    assert "Measuring" in usage_html(None, FULL)


def test_a_container_says_how_it_ended() -> None:
    """Everything that an engine may tell, in words; what it does not tell is a dash."""
    shown = container_html(FULL)
    for words in (
        "exited (out of memory)",
        "<dd>3</dd>",
        "unless-stopped",
        "sha256:abc",
        "9091/tcp → 127.0.0.1:9091<br>9092/tcp",
        "/models ← models (volume, read-only)",
        "front<br>back",
    ):
        assert words in shown
    empty = container_html(EMPTY)
    assert "<dt>Ports</dt><dd>–</dd>" in empty
    assert "<dt>Started</dt><dd>–</dd>" in empty
    assert "<dd>running</dd>" in empty


def test_a_secret_is_kept_back() -> None:
    """A variable without a value is dots; without a variable there is a sentence."""
    shown = environment_html(FULL)
    assert "<code>INFO</code>" in shown
    assert shown.index("DISCORD_TOKEN") < shown.index("••••••")
    assert "No variables set." in environment_html(EMPTY)


def test_the_engines_own_check_is_shown() -> None:
    """Its command and its last answers, which are only text; an image without one says so."""
    shown = health_html(FULL)
    for words in ("curl localhost", "unhealthy", "passed", "failed (exit code 7)", "&lt;img src=x&gt;"):
        assert words in shown
    assert HOSTILE not in shown
    assert "The image has no health check." in health_html(EMPTY)


def test_a_long_command_is_cut_and_never_markup() -> None:
    """What does not fit is in the title."""
    shown = container_html(_facts(_view(), command=HOSTILE + "x" * 300))
    assert HOSTILE not in shown
    assert "x…</code>" in shown


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 * 2**40, "3.0 TiB")])
def test_sizes_have_units(size: float, text: str) -> None:
    """In the binary units that engines use."""
    assert size_text(size) == text
