"""The rules that turn what was seen into one word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat_api.bots.schemas import Probe
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.headline import system_status
from chat_api.fleet.schemas import (
    BotStatus,
    BotView,
    Fault,
    Reason,
    RecentAnswers,
    RestartView,
    ServiceStatus,
    ServiceView,
    SyntheticCheckView,
    SystemStatus,
    Trouble,
)
from chat_api.fleet.status import (
    CALLS_PAUSED,
    bot_reasons,
    bot_status,
    model_witnesses,
    recent_answers,
)
from models import RestartState, Severity
from tests.chat_api.restarts.views import restart_view

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
            [bot(name, BotStatus.DEGRADED) for name in "abcd"],
            [],
            SystemStatus.DEGRADED,
            "All 4 bots are degraded: A, B, C and 1 more",
        ),
        (
            [bot("a", BotStatus.MISADDRESSED), bot("b", BotStatus.MISADDRESSED), bot("c", BotStatus.ONLINE)],
            [],
            SystemStatus.DEGRADED,
            "2 of 3 bots are misaddressed: A, B",
        ),
        (
            [bot("a", BotStatus.OFFLINE), bot("b", BotStatus.DEGRADED), bot("c", BotStatus.ONLINE)],
            [],
            SystemStatus.DEGRADED,
            "2 of 3 bots need attention: A is offline, B is degraded",
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


def check(
    *, is_answered: bool = True, fault: Fault = Fault.SILENT, answers_until_trusted: int = 0
) -> SyntheticCheckView:
    """One synthetic conversation."""
    error = None if is_answered else "no answer in time"
    return SyntheticCheckView(
        bot_name="elena",
        is_answered=is_answered,
        checked_at=NOW,
        error=error,
        fault=fault,
        answers_until_trusted=answers_until_trusted,
    )


def recent(calls: int, failures: int, **known: Any) -> RecentAnswers:
    """Newest calls, judged."""
    values: dict[str, Any] = {"mean_ms": 100.0, "usual_ms": None, "usual_count": 0, "before": None} | known
    return recent_answers(calls=calls, failures=failures, **values)


@pytest.mark.parametrize(
    ("seen", "faults", "words"),
    [
        ({}, [], ""),
        ({"check": check()}, [], ""),
        ({"check": check(is_answered=False)}, [Fault.SILENT], "does not answer messages: no answer in time"),
        (
            {"check": check(is_answered=False, fault=Fault.LANGUAGE_MODEL)},
            [Fault.LANGUAGE_MODEL],
            "its language model does not answer",
        ),
        (
            {"check": check(answers_until_trusted=1)},
            [Fault.SILENT],
            "answers test messages again, one more has to confirm it",
        ),
        ({"recent": recent(24, 10)}, [Fault.FAILING], "42% of its last 24 answers failed"),
        ({"recent": recent(1, 1)}, [], ""),
        ({"recent": recent(20, 2)}, [], ""),
        (
            {"recent": recent(8, 0, mean_ms=1200.0, usual_ms=100.0, usual_count=50)},
            [Fault.SLOW],
            "answers take 1.2 s, usually 0.1 s",
        ),
        ({"recent": recent(8, 0, mean_ms=1200.0, usual_ms=100.0, usual_count=3)}, [], ""),
        ({"recent": recent(8, 0, mean_ms=240.0, usual_ms=20.0, usual_count=50)}, [], ""),
        (
            {"recent": recent(24, 10), "breaker": "open"},
            [Fault.FAILING, Fault.PAUSED],
            "42% of its last 24 answers failed; calls are paused after many failures",
        ),
    ],
)
def test_why_a_bot_that_is_healthy_is_degraded(seen: dict[str, Any], faults: list[Fault], words: str) -> None:
    """Every fault has its words, a handful of calls says nothing, and what is degraded is so for a reason."""
    known: dict[str, Any] = {"breaker": "closed"} | seen
    reasons = bot_reasons(probe(), **known)
    assert [reason.fault for reason in reasons] == faults
    assert "; ".join(reason.words for reason in reasons) == words
    status = bot_status(probe(), container=None, restart=None, now=NOW, stale_after=STALE, **known)
    assert status is (BotStatus.DEGRADED if faults else BotStatus.ONLINE)


def test_a_judgement_of_answers_does_not_flap() -> None:
    """It begins at a fifth and ends below a tenth; slowness begins at three times and ends below twice."""
    failing = recent(20, 4)
    assert failing.is_failing
    assert not recent(20, 3).is_failing
    assert recent(20, 3, before=failing).is_failing
    assert recent(4, 1, before=failing).is_failing
    assert not recent(20, 1, before=failing).is_failing
    assert not recent(20, 0, before=failing).is_failing
    usual: dict[str, Any] = {"usual_ms": 1000.0, "usual_count": 20}
    slow = recent(10, 0, mean_ms=3000.0, **usual)
    assert slow.is_slow
    assert not recent(10, 0, mean_ms=2500.0, **usual).is_slow
    assert recent(10, 0, mean_ms=2500.0, before=slow, **usual).is_slow
    assert not recent(10, 0, mean_ms=1900.0, before=slow, **usual).is_slow


def trouble(title: str, severity: Severity, *bots: str) -> Trouble:
    """Something that fires or is open."""
    return Trouble(key=title, title=title, severity=severity, bots=bots)


@pytest.mark.parametrize(
    ("bots", "alerts", "incidents", "expected", "headline"),
    [
        (["online"], [], [], SystemStatus.HEALTHY, "The bot is online"),
        (
            ["online"],
            [trouble("The console has 5% of its disk free", Severity.WARNING)],
            [],
            SystemStatus.DEGRADED,
            "1 alert is firing: The console has 5% of its disk free",
        ),
        (
            ["online"],
            [trouble("Small", Severity.WARNING), trouble("Big", Severity.CRITICAL)],
            [],
            SystemStatus.CRITICAL,
            "2 alerts are firing: Big",
        ),
        (["online"], [trouble("For your information", Severity.INFO)], [], SystemStatus.HEALTHY, "The bot is online"),
        (
            ["online"],
            [],
            [trouble("Redis is down", Severity.WARNING)],
            SystemStatus.DEGRADED,
            "1 incident is open: Redis is down",
        ),
        (
            ["offline", "online"],
            [trouble("Bot0 is offline", Severity.CRITICAL, "bot0")],
            [],
            SystemStatus.CRITICAL,
            "1 of 2 bots needs attention: Bot0 is offline",
        ),
    ],
)
def test_the_whole_is_the_worst_of_what_is_seen_fires_and_is_open(
    bots: list[str], alerts: list[Trouble], incidents: list[Trouble], expected: SystemStatus, headline: str
) -> None:
    """And the headline names what makes it so."""
    fleet = [bot(f"bot{number}", BotStatus(status)) for number, status in enumerate(bots)]
    assert system_status(fleet, [], alerts=alerts, incidents=incidents) == (expected, headline)


def test_no_bot_is_well_that_an_alert_is_about() -> None:
    """It is shown as degraded and counted; what it is itself stays what it is, for the rules that end the alert."""
    about = replace(bot("a", BotStatus.ONLINE), troubles=("A fails",))
    assert (about.status, about.shown, about.needs_attention) == (BotStatus.ONLINE, BotStatus.DEGRADED, True)
    resting = replace(bot("b", BotStatus.MAINTENANCE), troubles=("B fails",))
    assert (resting.shown, resting.needs_attention) == (BotStatus.MAINTENANCE, False)
    status, headline = system_status([about, bot("c", BotStatus.ONLINE)], [])
    assert (status, headline) == (SystemStatus.DEGRADED, "1 of 2 bots needs attention: A is degraded")


def test_a_test_message_that_was_refused_says_nothing_that_the_pause_does_not() -> None:
    """The bot was not asked: it is not said to be silent, nor is the same said twice."""
    refused = replace(check(is_answered=False), error=CALLS_PAUSED)
    assert [reason.fault for reason in bot_reasons(None, breaker="open", check=refused)] == [Fault.PAUSED]
    silent = replace(check(is_answered=False), error="no answer in time")
    assert [reason.fault for reason in bot_reasons(None, breaker="open", check=silent)] == [Fault.SILENT, Fault.PAUSED]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([Fault.LANGUAGE_MODEL, None, None], 0),
        ([Fault.LANGUAGE_MODEL, Fault.LANGUAGE_MODEL, None, None, None, None], 2),
        ([Fault.LANGUAGE_MODEL, Fault.LANGUAGE_MODEL, Fault.APOLOGY, None, None, None, None], 3),
        ([Fault.APOLOGY, None, None], 0),
        ([Fault.APOLOGY, Fault.APOLOGY], 2),
        ([Fault.APOLOGY, Fault.APOLOGY, None], 0),
        ([Fault.LANGUAGE_MODEL, Fault.APOLOGY, None], 0),
        ([Fault.LANGUAGE_MODEL, Fault.APOLOGY], 2),
        ([Fault.SILENT, Fault.SILENT], 0),
    ],
)
def test_who_shows_that_the_language_model_does_not_answer(faults: list[Fault | None], expected: int) -> None:
    """Two that say so; or all that were asked, when they only apologise."""
    bots = [
        replace(
            bot(f"b{number}", BotStatus.DEGRADED if fault else BotStatus.ONLINE),
            synthetic_check=check(is_answered=fault is None),
            reasons=(Reason(fault=fault, words=""),) if fault else (),
        )
        for number, fault in enumerate(faults)
    ]
    assert len(model_witnesses(bots)) == expected
