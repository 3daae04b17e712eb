"""The forms of the Alerts page: each takes what is typed to the service, which says what is wrong with it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from chat_api.alerts.schemas import (
    AlertView,
    ChannelDraft,
    ChannelView,
    QuietHours,
    RuleDraft,
    RuleView,
    WindowDraft,
    WindowView,
)
from chat_api.core.errors import InvalidInput
from chat_api.core.principals import Principal
from console.context import services
from console.pages.alerts import labels
from console.widgets.forms import Form
from models import NoData, RuleKind, Severity

HOUR_S = 3600
ALL_BOTS = "None chosen: all bots"
SILENCES = {"30": "30 minutes", "60": "1 hour", "240": "4 hours", "1440": "1 day", "10080": "1 week"}
# How a browser's field for a date and a time writes it.
LOCAL = "%Y-%m-%dT%H:%M"

Done = Callable[[], Awaitable[None]]


def rule_form(
    principal: Principal, rule: RuleView | None, channels: Sequence[ChannelView], bots: Sequence[str], done: Done
) -> None:
    """Create a rule, or change one."""
    now = rule or RuleDraft(name="", kind=RuleKind.BOT_DOWN, severity=Severity.WARNING)

    async def save(person: Principal) -> None:
        draft = RuleDraft(
            name=name.value or "",
            kind=RuleKind(kind.value),
            threshold=threshold.value,
            bots=tuple(chosen.value) or None,
            for_s=_whole("for_s", for_s.value),
            keep_firing_for_s=_whole("keep_firing_for_s", keep.value),
            no_data=NoData(no_data.value),
            severity=Severity(severity.value),
            channels=tuple(UUID(one) for one in told.value) or None,
            repeat_s=_whole("repeat_s", (repeat.value or 0) * HOUR_S),
            is_enabled=is_enabled.value,
        )
        if rule is None:
            await services().alert_settings.create_rule(person, draft)
        else:
            await services().alert_settings.change_rule(person, rule.rule_id, draft)

    with Form(principal, f"Change {rule.name}" if rule else "New rule", save=save, done=done).filling() as form:
        name = form.text("name", "Name", now.name)
        kind = form.choice("kind", "Alert when", _options(labels.KINDS), now.kind)
        threshold = form.number("threshold", "Limit", now.threshold)
        severity = form.choice("severity", "Severity", _options(labels.SEVERITIES), now.severity)
        names = {one: one for one in bots}
        chosen = form.choices("bots", "Bots", names, list(now.bots or ()), hint=ALL_BOTS)
        for_s = form.number("for_s", "Fires after (seconds)", now.for_s)
        keep = form.number("keep_firing_for_s", "Resolved after being well for (seconds)", now.keep_firing_for_s)
        no_data = form.choice("no_data", "If there's no data", _options(labels.NO_DATA), now.no_data)
        options = {str(one.channel_id): one.name for one in channels}
        wanted = [str(one) for one in now.channels or ()]
        told = form.choices("channels", "Channels", options, wanted, hint="None chosen: all channels")
        repeat = form.number("repeat_s", "Repeat after (hours)", now.repeat_s / HOUR_S, hint="0: never")
        is_enabled = form.switch("Enabled", now.is_enabled)

        def fit() -> None:
            """Only what this kind needs is asked for."""
            of = RuleKind(kind.value)
            threshold.set_visibility(of in labels.THRESHOLDS)
            threshold.props["hint"] = labels.THRESHOLDS.get(of, "")
            chosen.set_visibility(of not in {RuleKind.SERVICE_DOWN, RuleKind.DISK, RuleKind.LOOP_LAG})

        kind.on_value_change(fit)
        fit()


def channel_form(principal: Principal, channel: ChannelView | None, done: Done) -> None:
    """Create a channel, or change one; its address can be replaced but not read."""
    quiet_now = channel.quiet if channel else None
    suggested = quiet_now or QuietHours(starts="22:00", ends="07:00")

    async def save(person: Principal) -> None:
        quiet = QuietHours(
            starts=(starts.value or "")[:5],
            ends=(ends.value or "")[:5],
            time_zone=(zone.value or "").strip(),
            does_critical_break=breaks.value,
        )
        draft = ChannelDraft(
            name=name.value or "",
            url=url.value or None,
            severities=tuple(Severity(one) for one in severities.value),
            quiet=quiet if is_quiet.value else None,
            is_enabled=is_enabled.value,
        )
        if channel is None:
            await services().alert_settings.create_channel(person, draft)
        else:
            await services().alert_settings.change_channel(person, channel.channel_id, draft)

    title = f"Change {channel.name}" if channel else "New channel"
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", "Name", channel.name if channel else "")
        hint = f"{channel.masked_url} is kept when this is empty" if channel else "e.g. ntfy://host/topic, discord://…"
        url = form.text("url", "Notification URL (secret)", hint=hint, type="password", autocomplete="off")
        chosen: list[str] = [one.value for one in (channel.severities if channel else Severity)]
        severities = form.choices("severities", "Severities", _options(labels.SEVERITIES), chosen)
        is_quiet = form.switch("Quiet hours: what is not critical waits until they end", quiet_now is not None)
        starts = form.text("quiet.starts", "Quiet from", suggested.starts, type="time")
        ends = form.text("quiet.ends", "Quiet until", suggested.ends, type="time")
        zone = form.text("quiet.time_zone", "Time zone", suggested.time_zone, hint="e.g. Europe/Berlin")
        breaks = form.switch("Critical alerts come all the same", suggested.does_critical_break)
        is_enabled = form.switch("Enabled", channel.is_enabled if channel else True)
        for field in (starts, ends, zone, breaks):
            field.bind_visibility_from(is_quiet, "value")


def window_form(principal: Principal, window: WindowView | None, bots: Sequence[str], done: Done) -> None:
    """Create a maintenance window, or change one."""
    zone_now = window.time_zone if window else "UTC"
    begin = window.starts_at if window else datetime.now(UTC).replace(minute=0) + timedelta(hours=1)
    end = window.ends_at if window else begin + timedelta(hours=2)

    async def save(person: Principal) -> None:
        draft = WindowDraft(
            name=name.value or "",
            bots=tuple(chosen.value) or None,
            starts_at=_moment("starts_at", starts.value, zone.value),
            ends_at=_moment("ends_at", ends.value, zone.value),
            is_weekly=is_weekly.value,
            time_zone=zone.value,
        )
        if window is None:
            await services().alert_settings.create_window(person, draft)
        else:
            await services().alert_settings.change_window(person, window.window_id, draft)

    title = f"Change {window.name}" if window else "New maintenance window"
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", "Name", window.name if window else "")
        names = {one: one for one in bots}
        chosen = form.choices("bots", "Bots", names, list(window.bots or ()) if window else [], hint=ALL_BOTS)
        starts = form.text("starts_at", "From", _local(begin, zone_now), type="datetime-local")
        ends = form.text("ends_at", "Until", _local(end, zone_now), type="datetime-local")
        zone = form.text("time_zone", "Time zone", zone_now, hint="e.g. Europe/Berlin")
        is_weekly = form.switch("Every week again", window.is_weekly if window else False)


def silence_form(principal: Principal, alert: AlertView, done: Done) -> None:
    """Tell nobody of an alert for a while."""

    async def save(person: Principal) -> None:
        wanted = int(minutes.value)
        await services().alerts.silence(person, alert.alert_id, minutes=wanted, reason=reason.value or "")

    with Form(principal, f"Silence “{alert.title}”", save=save, done=done, button="Silence").filling() as form:
        minutes = form.choice("minutes", "For", SILENCES, "60")
        reason = form.text("reason", "Why", hint="Others see it, and it is in the audit trail")


def _options(words: Mapping[Any, str]) -> dict[str, str]:
    return {str(key): value for key, value in words.items()}


def _whole(field: str, value: float | None) -> int:
    if value is None or not abs(value) < 1e9:
        raise InvalidInput("a number, please", field=field)
    return round(value)


def _moment(field: str, value: str | None, zone: str) -> datetime:
    if zone not in available_timezones():
        raise InvalidInput("a time zone such as Europe/Berlin", field="time_zone")
    try:
        return datetime.fromisoformat(value or "").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("a date and a time, please", field=field) from None


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime(LOCAL)
