"""Whose fault it is, as rules."""

from datetime import UTC, datetime, timedelta

import pytest

from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.root_cause import root_causes
from chat_api.fleet.schemas import BotStatus, BotView, Heartbeat, ServiceStatus, ServiceView

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """A moment before now."""
    return NOW - timedelta(seconds=seconds)


def bot(
    name: str, status: BotStatus, *, down_s: tuple[float, ...] = (), container: ContainerView | None = None
) -> BotView:
    """A bot that was well long ago, and not at the moments ``down_s`` before now."""
    beats = [Heartbeat(checked_at=ago(900), status=BotStatus.ONLINE, latency_ms=1)]
    beats += [Heartbeat(checked_at=ago(s), status=BotStatus.OFFLINE, latency_ms=None) for s in down_s]
    return BotView(
        name=name,
        display_name=name,
        description="",
        emoji="",
        port=None,
        status=status,
        heartbeats=tuple(beats),
        container=container,
    )


def service(name: str, status: ServiceStatus, *, since_s: float = 30, last_s: float = 1) -> ServiceView:
    """A dependency whose trouble began, and was last seen, so long ago."""
    return ServiceView(name=name, title=name, status=status, failing_since=ago(since_s), last_failed_at=ago(last_s))


DOWN, UP = ServiceStatus.UNHEALTHY, ServiceStatus.HEALTHY
OFFLINE, DEGRADED, ONLINE = BotStatus.OFFLINE, BotStatus.DEGRADED, BotStatus.ONLINE


@pytest.mark.parametrize(
    ("bots", "services", "expected"),
    [
        ([bot("a", OFFLINE, down_s=(20, 10))], [service("redis", DOWN)], {"a": "redis"}),
        ([bot("a", ONLINE)], [service("redis", DOWN)], {}),
        # Seen down a moment before its parent was looked at; and long before.
        ([bot("a", OFFLINE, down_s=(60, 30))], [service("redis", DOWN, since_s=10)], {"a": "redis"}),
        ([bot("a", OFFLINE, down_s=(300, 10))], [service("redis", DOWN, since_s=10)], {}),
        # A parent that came back just now, and one that did a while ago.
        ([bot("a", OFFLINE, down_s=(20,))], [service("redis", UP, since_s=40, last_s=20)], {"a": "redis"}),
        ([bot("a", OFFLINE, down_s=(90,))], [service("redis", UP, since_s=100, last_s=90)], {}),
        # Without Docker nothing answers; what answers badly has another trouble.
        ([bot("a", DEGRADED), bot("b", OFFLINE), bot("c", ONLINE)], [service("docker", DOWN)], {"b": "docker"}),
        ([bot("a", DEGRADED), bot("b", OFFLINE)], [service("llm", DOWN)], {"a": "llm"}),
        # Of two, the one that explains most; what only that one explains stays its own.
        (
            [bot("a", OFFLINE, down_s=(10,)), bot("b", OFFLINE, down_s=(200,))],
            [service("redis", DOWN, since_s=300), service("postgres", DOWN, since_s=20)],
            {"a": "redis", "b": "redis"},
        ),
        ([bot("a", OFFLINE)], [service("redis", DOWN), service("postgres", DOWN)], {"a": "postgres"}),
        # One that is down comes before one that is back.
        ([bot("a", OFFLINE)], [service("postgres", UP), service("redis", DOWN)], {"a": "redis"}),
        ([bot("a", BotStatus.MAINTENANCE), bot("b", BotStatus.QUARANTINED)], [service("redis", DOWN)], {}),
        ([bot("a", OFFLINE)], [service("redis", ServiceStatus.UNKNOWN)], {}),
    ],
)
def test_a_parent_explains_what_fell_with_it(
    bots: list[BotView], services: list[ServiceView], expected: dict[str, str]
) -> None:
    """No more, and no less."""
    assert dict(root_causes(bots, services, now=NOW)) == expected


def test_nobody_else_used_up_a_bots_memory() -> None:
    """An out-of-memory kill is a bot's own, whatever else is down."""
    container = ContainerView(
        bot_name="a",
        kind=ContainerKind.CONTAINER,
        id="c",
        name="a-bot",
        state=ContainerState.EXITED,
        is_managed=True,
        last_seen_at=NOW,
        oom_killed=True,
    )
    assert root_causes([bot("a", OFFLINE, container=container)], [service("redis", DOWN)], now=NOW) == {}
