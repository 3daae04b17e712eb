"""What the engine's answers mean, without an engine."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chat_api.engine.schemas import ContainerState
from chat_api.engine.views import service_view

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
