"""Turns judgements of one moment into what is done about incidents: what lasts opens one, what stays well closes it.

Holds no more than since when each cause is in trouble or well; what is open is the database's to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat_api.fleet.schemas import BotView, FleetView, ServiceStatus
from chat_api.incidents.rules import Evaluation, Judgement, is_healthy
from chat_api.incidents.schemas import OpenIncident

# How long all has to be well before an incident is over.
RESOLVE_AFTER = timedelta(seconds=10)
# A bot that left the fleet, or a dependency that is no longer configured.
GONE_AFTER = timedelta(seconds=10)
# An own incident so young is taken over by that of the parent that turns out to be behind it.
MERGE_WITHIN = timedelta(minutes=2)
# So long a bot's trouble waits for a look at every dependency.
PARENT_CHECK_TIME = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An incident that has to be opened; the trouble began at ``since``."""

    judgement: Judgement
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Bots that fell into, or came out of, the trouble of an open incident; ``gone`` ones left the fleet."""

    incident: OpenIncident
    joined: tuple[BotView, ...] = ()
    recovered: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """An incident that is over, with the bots that are well, and those that have another trouble by now."""

    incident: OpenIncident
    recovered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """A bot's own incident that is its parent's."""

    incident: OpenIncident
    parent: OpenIncident


Step = Opening | Change | Resolution | Merger


class IncidentTracker:
    """Remembers since when; every call of :meth:`steps` is one look."""

    def __init__(self) -> None:
        self._troubled: dict[str, datetime] = {}
        self._healthy_since: dict[str, datetime] = {}
        # Confirmed and not stored yet: while the database is away the trouble may pass, and is told all the same.
        self._pending: dict[str, Judgement] = {}

    def steps(
        self,
        view: FleetView,
        judgements: Mapping[str, Judgement],
        open_incidents: Mapping[str, OpenIncident],
        *,
        now: datetime,
    ) -> list[Step]:
        """What has to be done now; the same again while it is not done."""
        for cause, judgement in judgements.items():
            self._note(view, judgement, is_open=cause in open_incidents, now=now)
        for cause in self._pending.keys() & open_incidents.keys():
            del self._pending[cause]
        bots = {bot.name: bot for bot in view.bots}
        steps: list[Step] = [
            Opening(judgement=judgement, since=self._troubled.get(cause, now))
            for cause, judgement in self._pending.items()
        ]
        for cause, incident in open_incidents.items():
            step = self._step(incident, judgements.get(cause), open_incidents, bots, now=now)
            if step is not None:
                steps.append(step)
        return steps

    def _note(self, view: FleetView, judgement: Judgement, *, is_open: bool, now: datetime) -> None:
        cause = judgement.cause
        if judgement.evaluation is Evaluation.FAILING:
            self._healthy_since.pop(cause, None)
            since = self._troubled.setdefault(cause, now)
            if not is_open and (cause in self._pending or _is_confirmed(view, judgement, since=since, now=now)):
                self._pending[cause] = judgement
            return
        is_kept = cause in self._pending and cause.startswith("service:")
        if (judgement.evaluation is Evaluation.HEALTHY or judgement.parent) and not is_kept:
            self._troubled.pop(cause, None)
            self._pending.pop(cause, None)
        if judgement.evaluation is Evaluation.HEALTHY:
            self._healthy_since.setdefault(cause, now)
        else:
            self._healthy_since.pop(cause, None)

    def _step(
        self,
        incident: OpenIncident,
        judgement: Judgement | None,
        open_incidents: Mapping[str, OpenIncident],
        bots: Mapping[str, BotView],
        *,
        now: datetime,
    ) -> Step | None:
        gone = tuple(sorted(incident.failing - bots.keys()))
        recovered = tuple(sorted(name for name in incident.failing if name in bots and is_healthy(bots[name])))
        if judgement is None:
            is_over = now - self._healthy_since.setdefault(incident.cause, now) >= GONE_AFTER
            return Resolution(incident=incident, recovered=recovered + gone, is_gone=True) if is_over else None
        if judgement.evaluation is Evaluation.HEALTHY and now - self._healthy_since[incident.cause] >= RESOLVE_AFTER:
            left = tuple(sorted(incident.failing - {*recovered, *gone}))
            return Resolution(incident=incident, recovered=recovered + gone, left=left)
        parent = open_incidents.get(judgement.parent or "")
        if parent is not None and now - incident.opened_at <= MERGE_WITHIN:
            return Merger(incident=incident, parent=parent)
        joined = tuple(bot for bot in judgement.failing if bot.name not in incident.failing)
        if not joined and not recovered and not gone:
            return None
        return Change(incident=incident, joined=joined, recovered=recovered, gone=gone)


def _is_confirmed(view: FleetView, judgement: Judgement, *, since: datetime, now: datetime) -> bool:
    if judgement.is_certain:
        return True
    if now - since < timedelta(seconds=judgement.confirm_s):
        return False
    is_own = judgement.cause.startswith("bot:")
    return not is_own or now - since >= PARENT_CHECK_TIME or _are_parents_checked(view, since)


def _are_parents_checked(view: FleetView, since: datetime) -> bool:
    """Whether every dependency was checked after the trouble began: it may be theirs."""
    watched = [s for s in view.services if s.status in {ServiceStatus.HEALTHY, ServiceStatus.UNHEALTHY}]
    return all(service.last_checked_at is not None and service.last_checked_at >= since for service in watched)
