"""What the engine's answers mean, without an engine."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chat_api.engine.schemas import ContainerState
from chat_api.engine.views import bot_of, container_view, service_view

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LABEL = "whisperengine.bot"


def service(mode: dict[str, Any]) -> dict[str, Any]:
    """A Swarm service of a bot as the engine describes it."""
    template = {"ContainerSpec": {"Image": "bot:1"}}
    spec = {"Name": "elena-bot", "Labels": {LABEL: "elena"}, "Mode": mode, "TaskTemplate": template}
    return {"ID": "s1", "Spec": spec}


def task(state: str, desired: str) -> dict[str, Any]:
    """One of its tasks."""
    return {
        "CreatedAt": "2026",
        "DesiredState": desired,
        "Status": {"State": state, "Timestamp": "2026-01-01T00:00:00Z"},
    }


@pytest.mark.parametrize(
    ("replicas", "tasks", "state"),
    [
        (1, [task("running", "running")], ContainerState.RUNNING),
        (1, [task("preparing", "running")], ContainerState.RESTARTING),
        (1, [], ContainerState.CREATED),
        (0, [task("shutdown", "shutdown")], ContainerState.EXITED),
        (0, [], ContainerState.EXITED),
    ],
)
def test_a_stopped_service_stays_stopped(replicas: int, tasks: list[dict[str, Any]], state: ContainerState) -> None:
    """Also once the manager has dropped the tasks that it had, which it soon does."""
    view = service_view(service({"Replicated": {"Replicas": replicas}}), tasks, label=LABEL, now=NOW)
    assert view is not None
    assert view.state is state


@pytest.mark.parametrize(
    ("name", "bot"),
    [
        ("elena-bot", "elena"),
        ("whisperengine-elena-bot", "elena"),
        ("whisperengine-v2-elena", "elena"),
        ("whisperengine-v2-nottaylor", "nottaylor"),
        ("whisperengine-containerized-assistant", "assistant"),
        ("whisperengine-v2-postgres", None),
        ("whisperengine-v2-redis", None),
        ("whisperengine-v2-api", None),
        ("whisperengine-v2-worker-cognition-1", None),
        ("v2-worker-action-1", None),
        ("postgres", None),
        ("whisperengine-db-migrate", None),
    ],
)
def test_containers_of_both_generations_are_known_by_their_names(name: str, bot: str | None) -> None:
    """Those of the fleet's other parts are no bots."""
    assert bot_of(name, {}, label=LABEL) == ((bot, False) if bot else None)


@pytest.mark.parametrize(
    ("environment", "is_bot"),
    [
        (["DISCORD_BOT_NAME=elena", "DISCORD_TOKEN=x"], True),
        (["DISCORD_BOT_NAME=worker-cognition"], False),
        (["DISCORD_BOT_NAME="], False),
        ([], False),
    ],
)
def test_an_environment_tells_a_bot_from_what_is_named_like_one(environment: list[str], is_bot: bool) -> None:
    """It makes the bot exist, without a label and without a file."""
    labels = {"com.docker.compose.project": "v2", "com.docker.compose.service": "elena"}
    raw = {
        "Id": "c1",
        "Name": "/whisperengine-v2-elena",
        "Config": {"Image": "v2:1", "Labels": labels, "Env": environment},
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z"},
        "HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": "8001"}]}},
    }
    view = container_view(raw, label=LABEL, now=NOW)
    assert view is not None
    assert (view.bot_name, view.is_managed, view.is_bot, view.service_name) == ("elena", False, is_bot, "elena")
    assert (view.port, view.inner_port) == (8001, 8000)
