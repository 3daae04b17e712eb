"""The rules that turn what was seen into one word."""

from datetime import UTC, datetime, timedelta

import pytest

from chat_api.schemas.bots import Probe
from chat_api.schemas.containers import ContainerKind, ContainerState, ContainerView
from chat_api.schemas.fleet import BotStatus, BotView, RestartView, ServiceStatus, ServiceView, SystemStatus
from chat_api.services.fleet_status import bot_status, system_status
from models import RestartState
from tests.chat_api.services.restart_views import restart_view

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STALE = timedelta(seconds=20)


def probe(*, is_healthy: bool = True, is_ready: bool | None = None, age_s: float = 0) -> Probe:
    """One health check."""
    return Probe(bot_name="elena", is_healthy=is_healthy, is_ready=is_ready, checked_at=NOW - timedelta(seconds=age_s))


def container(state: ContainerState, *, age_s: float = 3600) -> ContainerView:
    """One container."""
    return ContainerView(
        bot_name="elena",
        kind=ContainerKind.CONTAINER,
        id="c",
        name="elena-bot",
        state=state,
        is_managed=True,
        last_seen_at=NOW,
        started_at=NOW - timedelta(seconds=age_s),
    )


@pytest.mark.parametrize(
    ("given", "box", "running", "breaker", "expected"),
    [
        (None, None, None, "closed", BotStatus.UNKNOWN),
        (probe(), None, None, "closed", BotStatus.ONLINE),
        (probe(age_s=21), None, None, "closed", BotStatus.UNKNOWN),
        (probe(is_healthy=False), None, None, "closed", BotStatus.OFFLINE),
        (probe(is_ready=False), None, None, "closed", BotStatus.DEGRADED),
        (probe(), None, None, "open", BotStatus.DEGRADED),
        (probe(), container(ContainerState.EXITED), None, "closed", BotStatus.OFFLINE),
        (probe(is_healthy=False), container(ContainerState.RUNNING, age_s=5), None, "closed", BotStatus.STARTING),
        (probe(is_healthy=False), container(ContainerState.RUNNING), None, "closed", BotStatus.OFFLINE),
        (probe(), container(ContainerState.UNKNOWN), None, "closed", BotStatus.ONLINE),
        (probe(is_healthy=False), None, restart_view(RestartState.STOPPING), "closed", BotStatus.RESTARTING),
        (probe(), None, restart_view(RestartState.ONLINE), "closed", BotStatus.ONLINE),
    ],
)
def test_the_word_for_a_bot(
    given: Probe | None,
    box: ContainerView | None,
    running: RestartView | None,
    breaker: str,
    expected: BotStatus,
) -> None:
    """What is stopped is offline at once, what is old is unknown, and a restart explains itself."""
    status = bot_status(given, container=box, restart=running, breaker=breaker, now=NOW, stale_after=STALE)
    assert status is expected


def bot(name: str, status: BotStatus, *, cause: str | None = None) -> BotView:
    """One bot of the fleet."""
    title = name.title()
    return BotView(name=name, display_name=title, description="", emoji="", port=None, status=status, cause=cause)


def service(name: str, status: ServiceStatus) -> ServiceView:
    """One dependency."""
    return ServiceView(name=name, title=name.title(), status=status)


@pytest.mark.parametrize(
    ("bots", "services", "expected", "headline"),
    [
        ([], [], SystemStatus.HEALTHY, "No bots are configured yet"),
        ([bot("a", BotStatus.ONLINE), bot("b", BotStatus.ONLINE)], [], SystemStatus.HEALTHY, "All 2 bots are online"),
        (
            [bot("a", BotStatus.ONLINE), bot("b", BotStatus.MAINTENANCE)],
            [],
            SystemStatus.HEALTHY,
            "1 bot is online, 1 in maintenance",
        ),
        ([bot("a", BotStatus.MAINTENANCE)], [], SystemStatus.HEALTHY, "The bot is in maintenance"),
        (
            [bot("a", BotStatus.ONLINE), bot("b", BotStatus.OFFLINE)],
            [],
            SystemStatus.DEGRADED,
            "1 of 2 bots needs attention: B is offline",
        ),
        (
            [bot("a", BotStatus.OFFLINE), bot("b", BotStatus.OFFLINE)],
            [],
            SystemStatus.CRITICAL,
            "All 2 bots are offline",
        ),
        (
            [bot("a", BotStatus.ONLINE)],
            [service("redis", ServiceStatus.UNHEALTHY)],
            SystemStatus.DEGRADED,
            "Redis is down",
        ),
        (
            [bot("a", BotStatus.OFFLINE, cause="postgres")],
            [service("postgres", ServiceStatus.UNHEALTHY)],
            SystemStatus.CRITICAL,
            "Postgres is down: 1 bot affected",
        ),
        (
            [bot("a", BotStatus.OFFLINE, cause="redis"), bot("b", BotStatus.DEGRADED)],
            [service("qdrant", ServiceStatus.UNHEALTHY), service("redis", ServiceStatus.UNHEALTHY)],
            SystemStatus.DEGRADED,
            "Redis and Qdrant are down: 1 bot affected; 1 bot needs attention for another reason",
        ),
        ([bot("a", BotStatus.ONLINE)], [service("qdrant", ServiceStatus.NOT_CONFIGURED)], SystemStatus.HEALTHY, ""),
    ],
)
def test_the_whole_and_its_one_root_cause(
    bots: list[BotView], services: list[ServiceView], expected: SystemStatus, headline: str
) -> None:
    """A dependency that is down is named before the bots that suffer from it."""
    status, line = system_status(bots, services)
    assert status is expected
    assert headline in line
