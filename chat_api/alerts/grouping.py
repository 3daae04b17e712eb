"""One alert per root cause, and when to notify about it. Pure functions; the caller passes the time.

::

    opened ──GROUP_WAIT──► notified (firing) ──► notified again: new subjects (changed), every repeat_s (repeat)
                                             ──► resolved, sent to the channels that were notified before
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from chat_api.alerts import sentences
from chat_api.alerts.rules import CONSOLE, GROUP_WAIT
from chat_api.alerts.schemas import AlertView, RuleView, SubjectState
from chat_api.core.ids import new_id
from chat_api.fleet.schemas import FleetView, ServiceStatus, ServiceView
from chat_api.fleet.sentences import at_one_address, listed, service_trouble, with_affected
from chat_api.fleet.shared_addresses import PREFIX, shared_addresses
from models import AlertStatus, NotificationKind, Severity

# Subjects that join later are reported together.
GROUP_INTERVAL = timedelta(seconds=60)
MAX_NAMES = 50
RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What fires together. A new entry in ``to_notify`` is worth another message."""

    key: str
    title: str
    body: str
    severity: Severity
    subjects: tuple[str, ...]
    to_notify: tuple[str, ...]
    channels: frozenset[UUID] | None
    repeat_s: int
    bots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An alert as it is now, and the message to send, if any; ``group`` is None when it is over."""

    alert: AlertView
    tell: NotificationKind | None
    group: Group | None


def groups(
    rules: Mapping[UUID, RuleView], states: Sequence[SubjectState], view: FleetView, *, muted: Collection[str] = ()
) -> dict[str, Group]:
    """What fires, by root cause: a dependency with all affected bots, a shared address, or a rule with its subjects."""
    services = {service.name: service for service in view.services}
    by_key: dict[str, list[SubjectState]] = defaultdict(list)
    for state in states:
        if state.fired_at is not None and state.rule_id in rules:
            by_key[_key(state, services)].append(state)
    found: dict[str, Group] = {}
    for key, members in by_key.items():
        kind, _, name = key.partition(":")
        if kind == "cause":
            found[key] = _caused(key, services[name], members, rules, view, muted)
        elif key.startswith(PREFIX):
            found[key] = _at_one_address(key, members, rules, view)
        else:
            found[key] = _ruled(key, members, rules, view)
    return found


def changes(
    open_alerts: Mapping[str, AlertView],
    now_firing: Mapping[str, Group],
    now: datetime,
    *,
    fleet: Collection[str],
) -> Iterator[Change]:
    """The changes of every open or new alert. ``fleet`` are the names of the fleet's bots."""
    for key, group in now_firing.items():
        alert = open_alerts.get(key) or _opened(group, now)
        alert = replace(
            alert, title=group.title, body=group.body, subjects=group.subjects, severity=_worst(alert, group)
        )
        kind = _kind_to_send(open_alerts.get(key, alert), group, now)
        if kind is not None:
            alert = replace(alert, status=AlertStatus.FIRING, notified_at=now, notified_subjects=group.to_notify)
        yield Change(alert=alert, tell=kind, group=group)
    for key, alert in open_alerts.items():
        if key not in now_firing:
            over = replace(alert, status=AlertStatus.RESOLVED, resolved_at=now)
            if have_left(alert, fleet):
                over = replace(over, body=sentences.LEFT if len(alert.notified_subjects) == 1 else sentences.LEFT_ALL)
            yield Change(alert=over, tell=NotificationKind.RESOLVED if alert.notified_at else None, group=None)


def have_left(alert: AlertView, fleet: Collection[str]) -> bool:
    """Whether an alert was only about bots that left the fleet: they are gone, not recovered."""
    bots = [subject.partition(":") for subject in alert.notified_subjects]
    return bool(bots) and all(kind == "bot" and name not in fleet for kind, _, name in bots)


def _opened(group: Group, now: datetime) -> AlertView:
    return AlertView(
        alert_id=new_id(),
        key=group.key,
        status=AlertStatus.PENDING,
        severity=group.severity,
        title=group.title,
        body=group.body,
        subjects=group.subjects,
        opened_at=now,
    )


def _worst(alert: AlertView, group: Group) -> Severity:
    """An alert's severity never decreases while it lasts: whoever got it as critical gets its end as critical."""
    return max(alert.severity, group.severity, key=RANK.__getitem__)


def _kind_to_send(before: AlertView, group: Group, now: datetime) -> NotificationKind | None:
    if before.is_silenced(now):
        return None
    if before.notified_at is None:
        return NotificationKind.FIRING if now - before.opened_at >= GROUP_WAIT else None
    since_notified = now - before.notified_at
    has_grown = not set(group.to_notify) <= set(before.notified_subjects)
    is_worse = RANK[group.severity] > RANK[before.severity]
    if (has_grown or is_worse) and since_notified >= GROUP_INTERVAL:
        return NotificationKind.CHANGED
    was_silenced = before.silenced_until is not None and before.notified_at < before.silenced_until
    if was_silenced or (group.repeat_s and since_notified >= timedelta(seconds=group.repeat_s)):
        return NotificationKind.REPEAT
    return None


def _key(state: SubjectState, services: Mapping[str, ServiceView]) -> str:
    kind, _, name = state.subject.partition(":")
    if kind == "service" and name in services:
        return f"cause:{name}"
    if state.cause in services:
        return f"cause:{state.cause}"
    if state.cause is not None and state.cause.startswith(PREFIX):
        return state.cause
    return f"rule:{state.rule_id}"


def _caused(
    key: str,
    service: ServiceView,
    members: Sequence[SubjectState],
    rules: Mapping[UUID, RuleView],
    view: FleetView,
    muted: Collection[str],
) -> Group:
    """The alert of a dependency names all affected bots, including those whose own rule is still pending."""
    affected = {state.subject.partition(":")[2] for state in members if state.subject.startswith("bot:")}
    names = [
        bot.display_name
        for bot in view.bots
        if bot.name in affected or (bot.cause == service.name and bot.name not in muted)
    ]
    fault = {ServiceStatus.UNHEALTHY: service.fault, ServiceStatus.UNKNOWN: "has not been seen lately"}
    title = service_trouble(service.title, fault.get(service.status, "was down"))
    lines = [f"{service.title}: {service.error}"] if service.error else []
    if names:
        title = with_affected(title, len(names))
        lines.append(sentences.AFFECTED.format(names=listed(names, most=MAX_NAMES)))
    group = _group(key, title, "\n".join(lines), names or [service.title], (key,), members, rules)
    return replace(
        group, bots=tuple(sorted({*affected, *(bot.name for bot in view.bots if bot.cause == service.name)}))
    )


def _at_one_address(
    key: str, members: Sequence[SubjectState], rules: Mapping[UUID, RuleView], view: FleetView
) -> Group:
    """The alert of a shared address names all bots configured there, and describes the misaddressed ones."""
    shared = shared_addresses(view.bots).get(key)
    here = [bot.display_name for bot in shared.bots] if shared else []
    address = shared.address if shared else key.removeprefix(PREFIX)
    group = _ruled(key, members, rules, view)
    title = at_one_address(len(here), address) if here else sentences.SEVERAL_AT.format(address=address)
    lines = [sentences.CONFIGURED_THERE.format(names=listed(here, most=MAX_NAMES))] if here else []
    return replace(group, title=title[:200], body="\n".join([*lines, group.body]), to_notify=(key,))


def _ruled(key: str, members: Sequence[SubjectState], rules: Mapping[UUID, RuleView], view: FleetView) -> Group:
    titles = {f"bot:{bot.name}": bot.display_name for bot in view.bots} | {CONSOLE: sentences.CONSOLE_TITLE}
    names = [titles.get(state.subject, state.subject) for state in members]
    lines = [f"{name} {state.summary}" for name, state in zip(names, members, strict=True)]
    title = lines[0] if len(lines) == 1 else sentences.several(rules[members[0].rule_id].name, len(names))
    more = [sentences.AND_MORE.format(count=len(lines) - MAX_NAMES)] if len(lines) > MAX_NAMES else []
    to_notify = tuple(state.subject for state in members)
    return _group(key, title, "\n".join(lines[:MAX_NAMES] + more), names, to_notify, members, rules)


def _group(
    key: str,
    title: str,
    body: str,
    names: Sequence[str],
    to_notify: tuple[str, ...],
    members: Sequence[SubjectState],
    rules: Mapping[UUID, RuleView],
) -> Group:
    mine = [rules[state.rule_id] for state in members]
    wanted: frozenset[UUID] | None = frozenset()
    for rule in mine:
        wanted = None if wanted is None or rule.channels is None else wanted | set(rule.channels)
    return Group(
        key=key,
        title=title[:200],
        body=body,
        severity=max((rule.severity for rule in mine), key=RANK.__getitem__),
        subjects=tuple(names),
        to_notify=to_notify,
        channels=wanted,
        repeat_s=min((rule.repeat_s for rule in mine if rule.repeat_s), default=0),
        bots=tuple(state.subject.partition(":")[2] for state in members if state.subject.startswith("bot:")),
    )
