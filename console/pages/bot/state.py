"""What is said of one bot and what can be done with it, in the words of the Fleet page: ``assets/js/we-bot-*.js``.

A test holds the two together. Texts are markup: what comes from a bot is escaped, and times are counted in the browser.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Final, NamedTuple

from chat_api.bots.schemas import Discord
from chat_api.core.language import N_, _, ngettext
from chat_api.engine.schemas import ContainerState, ContainerView
from chat_api.fleet.schemas import (
    BotStatistics,
    BotStatus,
    BotView,
    Fault,
    FleetView,
    ServiceStatus,
    ServiceView,
    SyntheticCheckView,
)
from console.bot_words import MODEL_SILENT, NOTES, WHY_NOT
from console.labels import ACTIONS, CONTAINERS
from console.widgets.fact_words import clock, moment, since
from console.widgets.quantities import MISSING, failure_rate, fixed, latency, percent, size, span, uptime
from models import BotAction, RestartState

NEWS: Final = timedelta(minutes=1)
OLD_USAGE: Final = timedelta(minutes=3)  # a container that nobody looks at is measured once a minute or so
_RUNNING: Final = {ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.PAUSED}


class Cell(NamedTuple):
    """A figure, its tone when it is out of line, and what is said on hover."""

    label: str
    text: str
    tone: str = ""
    title: str = ""


def has_engine(fleet: FleetView) -> bool:
    """Whether there is a container engine."""
    return any(one.name == "docker" and one.status is not ServiceStatus.NOT_CONFIGURED for one in fleet.services)


def is_restarting(bot: BotView) -> bool:
    """Whether something is being done with it."""
    return bot.restart is not None and bot.restart.finished_at is None


def why_not(action: str, bot: BotView, *, has_engine: bool) -> str:
    """Why an action makes no sense for a bot now; empty when it does."""
    is_maintained = bot.shown is BotStatus.MAINTENANCE
    if action == "maintenance":
        return _(WHY_NOT["in_maintenance"]) if is_maintained else ""
    if action == "end_maintenance":
        return "" if is_maintained else _(WHY_NOT["not_in_maintenance"])
    if action == "remove":
        is_declared = bot.declared_by is not None
        return _(WHY_NOT["declared"]) if is_declared else ""
    if is_restarting(bot):
        return _(WHY_NOT["busy"])
    if not has_engine:
        return _(WHY_NOT["no_engine"])
    return _why_not_container(action, bot.container)


def _why_not_container(action: str, container: ContainerView | None) -> str:
    if container is None:
        return _(WHY_NOT["no_container"])
    if not container.is_managed:
        return _(WHY_NOT["no_label"])
    is_running = container.state in _RUNNING
    if action == "start" and is_running:
        return _(WHY_NOT["running"])
    return _(WHY_NOT["not_running"]) if action == "stop" and not is_running else ""


def offered(allowed: Iterable[str], bot: BotView) -> list[str]:
    """The actions to show as buttons for one bot, out of those that the user is allowed to take."""
    is_maintained = bot.shown is BotStatus.MAINTENANCE
    hidden = {"maintenance"} if is_maintained else {"end_maintenance"}
    if bot.declared_by is not None:
        hidden.add("remove")
    return [key for key, action in ACTIONS.items() if key in set(allowed) - hidden and not action.is_for_many]


def note(bot: BotView, services: Mapping[str, ServiceView], now: datetime) -> str:
    """Why a bot is as it is, in one line: the first of these that is true."""
    found = _note_of_operators(bot) or _note_of_troubles(bot, services, now)
    if found or is_restarting(bot):
        return found
    if bot.shown is BotStatus.UNKNOWN:
        return seen(bot)
    if bot.shown is BotStatus.OFFLINE and bot.declared_by is None and bot.container is None:
        return _(NOTES["not_configured"], seen=seen(bot))
    return escape(bot.error) if bot.shown is not BotStatus.ONLINE and bot.error else _calls(bot)


def seen(bot: BotView) -> str:
    """When it last answered."""
    return _(NOTES["last_seen"], when=moment(bot.last_seen_at)) if bot.last_seen_at else _(NOTES["not_checked"])


def check_note(check: SyntheticCheckView) -> str:
    """How its last test message went."""
    when = moment(check.checked_at)
    if check.is_answered and check.memory_note:
        note = escape(_(check.memory_note))
        return _(NOTES["answered_but"], latency=latency(check.latency_ms), when=when, note=note)
    if check.is_answered:
        return _(NOTES["answered"], latency=latency(check.latency_ms), when=when)
    if check.error == MODEL_SILENT:
        return f"{_(MODEL_SILENT)} ({when})"
    if check.error:
        return _(NOTES["no_answer_because"], error=escape(_(check.error)), when=when)
    return _(NOTES["no_answer"], when=when)


def tiles(bot: BotView, now: datetime) -> dict[str, tuple[Cell, ...]]:
    """The figures by what they are about."""
    figures, usage = bot.figures or BotStatistics(), bot.usage
    return {
        _("Uptime"): tuple(
            Cell(label, uptime(share), _low(share), title)
            for label, title, share in (
                (_("24 h"), _("Uptime, last 24 hours"), figures.uptime_24h),
                (_("7 d"), _("Uptime, last 7 days"), figures.uptime_7d),
                (_("30 d"), _("Uptime, last 30 days"), figures.uptime_30d),
            )
        ),
        _("Response time"): (
            Cell("p50", latency(figures.p50_ms)),
            Cell("p95", latency(figures.p95_ms)),
            Cell("p99", latency(figures.p99_ms)),
        ),
        _("Traffic"): (
            Cell(_("msg/min"), _per_minute(figures.messages_per_min) if bot.figures else MISSING),
            Cell(_("Errors"), failure_rate(figures.error_rate), _high(figures.error_rate)),
        ),
        _("Container"): (
            Cell("CPU", _percent(usage.cpu_percent) if usage else MISSING, _faded(bot, now), _measured(bot)),
            Cell(_("Memory"), size(usage.memory_bytes if usage else None), _faded(bot, now), _measured(bot)),
            Cell(_("Restarts"), str(bot.container.restart_count) if bot.container else MISSING),
        ),
    }


def facts(bot: BotView, *, has_engine: bool) -> list[tuple[str, str]]:
    """What else is known, as markup by what it is."""
    policy, check = bot.policy, bot.synthetic_check
    tested = check_note(check) if check else _("no result yet")
    known = [
        (_("Health check"), latency(bot.latency_ms) if bot.latency_ms is not None else _("no answer")),
        (_("Last seen"), moment(bot.last_seen_at) if bot.last_seen_at else _("never")),
        *([(_("Discord"), _discord(bot.discord))] if bot.discord else []),
        (_("Synthetic check"), _("off") if policy and not policy.is_synthetic_check_on else tested),
        (_("Container"), container_text(bot.container, has_engine=has_engine)),
    ]
    if bot.container is not None and bot.container.image:
        known.append((_("Image"), escape(bot.container.image)))
    return [*known, (_("Auto-heal"), _("on"))] if policy and policy.is_auto_healed else known


def _discord(discord: Discord) -> str:
    """Whether it is there, as whom, on how many servers, and how fast."""
    if not discord.is_connected:
        return _("not connected")
    parts = [_("connected")]
    if discord.account:
        parts.append(escape(discord.account))
    if discord.guilds is not None:
        parts.append(ngettext("{count} server", "{count} servers", discord.guilds))
    if discord.latency_ms is not None:
        parts.append(latency(discord.latency_ms))
    return " · ".join(parts)


def container_text(container: ContainerView | None, *, has_engine: bool) -> str:
    """Its state, its age, and how it ended."""
    if container is None:
        return _("no container") if has_engine else MISSING
    parts = [_(CONTAINERS[container.state])]
    if container.state is ContainerState.RUNNING and container.started_at:
        parts.append(since(container.started_at))
    if container.error is not None:
        parts.append(escape(_(container.error)))
    if container.exit_code is not None:
        parts.append(_("out of memory") if container.oom_killed else _("exit code {code}", code=container.exit_code))
    return " · ".join(parts)


def _note_of_operators(bot: BotView) -> str:
    """What somebody has decided, or is doing."""
    policy = bot.policy
    if is_restarting(bot) or policy is None:
        return ""
    if bot.shown is BotStatus.MAINTENANCE:
        until = policy.maintenance_until
        end = _(NOTES["until"], time=clock(until)) if until else _(NOTES["until_ended"])
        return f"{end}: {escape(policy.maintenance_reason)}" if policy.maintenance_reason else end
    if bot.shown is BotStatus.QUARANTINED:
        return escape(policy.quarantine_reason) or _(NOTES["gave_up"])
    return ""


def _note_of_troubles(bot: BotView, services: Mapping[str, ServiceView], now: datetime) -> str:
    if is_restarting(bot):
        return ""
    if bot.cause:
        service = services.get(bot.cause)
        cause = _(NOTES["language_model"]) if bot.cause == "llm" else escape(service.title if service else bot.cause)
        fault = service.fault if service else N_("is down")
        return _(NOTES["because"], cause=cause, fault=escape(_(fault)))
    restart = bot.restart
    if restart and restart.state is RestartState.FAILED and bot.shown is not BotStatus.ONLINE:
        action, error = _(ACTIONS[restart.action].label), escape(restart.error or _(NOTES["no_reason"]))
        return _(NOTES["action_failed"], action=action, error=error)
    if (
        bot.reasons
        and bot.reasons[0].fault is Fault.SILENT
        and bot.synthetic_check
        and not bot.synthetic_check.is_answered
    ):
        return check_note(bot.synthetic_check)
    is_back = restart and restart.state is RestartState.ONLINE and restart.action is not BotAction.STOP
    if restart and is_back and restart.finished_at and now - restart.finished_at < NEWS:
        return _(NOTES["back"], span=span(restart.duration_s or 0))
    return ""


def _calls(bot: BotView) -> str:
    if not bot.calls_in_flight + bot.calls_waiting:
        return ""
    running, slots, waiting = bot.calls_in_flight, bot.call_slots, bot.calls_waiting
    if waiting:
        return _(NOTES["calls_waiting"], running=running, slots=slots, waiting=waiting)
    return _(NOTES["calls"], running=running, slots=slots)


def _low(share: float | None) -> str:
    return "" if share is None or share >= 0.995 else "warn" if share >= 0.99 else "bad"


def _high(share: float | None) -> str:
    return "" if not share or share < 0.01 else "warn" if share < 0.05 else "bad"


def _per_minute(value: float) -> str:
    return fixed(value, 1 if value < 10 else 0)


def _percent(value: float) -> str:
    return percent(f"{value:.{1 if value < 10 else 0}f}")


def _faded(bot: BotView, now: datetime) -> str:
    return "muted" if bot.usage and now - bot.usage.measured_at > OLD_USAGE else ""


def _measured(bot: BotView) -> str:
    usage = bot.usage
    if usage is None:
        return ""
    used, limit = size(usage.memory_bytes), usage.memory_limit_bytes
    memory = _("{used} of {limit}", used=used, limit=size(limit)) if limit else used
    received, sent = size(usage.received_bytes_per_s), size(usage.sent_bytes_per_s)
    network = _("Network {received}/s in, {sent}/s out", received=received, sent=sent)
    return f"{_('Memory {memory}', memory=memory)}\n{network}"
