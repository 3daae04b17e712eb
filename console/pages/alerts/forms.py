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
from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from console.context import services
from console.pages.alerts import labels
from console.widgets.forms import Form
from models import NoData, RuleKind, Severity

HOUR_S = 3600
ALL_BOTS = N_("If none selected: all bots")
SILENCES = {
    "30": N_("30 minutes"),
    "60": N_("1 hour"),
    "240": N_("4 hours"),
    "1440": N_("1 day"),
    "10080": N_("1 week"),
}
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
            channels=tuple(UUID(one) for one in selected.value) or None,
            repeat_s=_whole("repeat_s", (repeat.value or 0) * HOUR_S),
            is_enabled=is_enabled.value,
        )
        if rule is None:
            await services().alert_settings.create_rule(person, draft)
        else:
            await services().alert_settings.change_rule(person, rule.rule_id, draft)

    title = _("Change {name}", name=rule.name) if rule else _("New rule")
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", _("Name"), now.name)
        kind = form.choice("kind", _("Alert when"), _options(labels.KINDS), now.kind)
        threshold = form.number("threshold", _("Limit"), now.threshold)
        severity = form.choice("severity", _("Severity"), _options(labels.SEVERITIES), now.severity)
        names = {one: one for one in bots}
        chosen = form.choices("bots", _("Bots"), names, list(now.bots or ()), hint=_(ALL_BOTS))
        for_s = form.number("for_s", _("Fires after (seconds)"), now.for_s)
        keep = form.number("keep_firing_for_s", _("Resolves after (seconds)"), now.keep_firing_for_s)
        no_data = form.choice("no_data", _("If there's no data"), _options(labels.NO_DATA), now.no_data)
        options = {str(one.channel_id): one.name for one in channels}
        wanted = [str(one) for one in now.channels or ()]
        selected = form.choices("channels", _("Channels"), options, wanted, hint=_("If none selected: all channels"))
        repeat = form.number("repeat_s", _("Repeat after (hours)"), now.repeat_s / HOUR_S, hint=_("0 = never"))
        is_enabled = form.switch(_("Enabled"), now.is_enabled)

        def fit() -> None:
            """Only what this kind needs is asked for."""
            of = RuleKind(kind.value)
            threshold.set_visibility(of in labels.THRESHOLDS)
            threshold.props["hint"] = _(labels.THRESHOLDS[of]) if of in labels.THRESHOLDS else ""
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

    title = _("Change {name}", name=channel.name) if channel else _("New channel")
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", _("Name"), channel.name if channel else "")
        hint = (
            _("Leave empty to keep {url}", url=channel.masked_url)
            if channel
            else _("e.g. {example}", example="ntfy://host/topic, discord://…")
        )
        url = form.text("url", _("Notification URL (secret)"), hint=hint, type="password", autocomplete="off")
        chosen: list[str] = [one.value for one in (channel.severities if channel else Severity)]
        severities = form.choices("severities", _("Severities"), _options(labels.SEVERITIES), chosen)
        is_quiet = form.switch(_("Quiet hours: hold non-critical alerts until they end"), quiet_now is not None)
        starts = form.text("quiet.starts", _("Quiet from"), suggested.starts, type="time")
        ends = form.text("quiet.ends", _("Quiet until"), suggested.ends, type="time")
        zone = form.text(
            "quiet.time_zone", _("Time zone"), suggested.time_zone, hint=_("e.g. {example}", example="Europe/Berlin")
        )
        breaks = form.switch(_("Send critical alerts anyway"), suggested.does_critical_break)
        is_enabled = form.switch(_("Enabled"), channel.is_enabled if channel else True)
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

    title = _("Change {name}", name=window.name) if window else _("New maintenance window")
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", _("Name"), window.name if window else "")
        names = {one: one for one in bots}
        chosen = form.choices("bots", _("Bots"), names, list(window.bots or ()) if window else [], hint=_(ALL_BOTS))
        starts = form.text("starts_at", _("From"), _local(begin, zone_now), type="datetime-local")
        ends = form.text("ends_at", _("Until"), _local(end, zone_now), type="datetime-local")
        zone = form.text("time_zone", _("Time zone"), zone_now, hint=_("e.g. {example}", example="Europe/Berlin"))
        is_weekly = form.switch(_("Repeat every week"), window.is_weekly if window else False)


def silence_form(principal: Principal, alert: AlertView, done: Done) -> None:
    """Notify no one of an alert for a while."""

    async def save(person: Principal) -> None:
        wanted = int(minutes.value)
        await services().alerts.silence(person, alert.alert_id, minutes=wanted, reason=reason.value or "")

    title = _("Silence “{title}”", title=alert.title)
    with Form(principal, title, save=save, done=done, button=_("Silence")).filling() as form:
        minutes = form.choice("minutes", _("Duration"), _options(SILENCES), "60")
        reason = form.text("reason", _("Reason"), hint=_("Visible to others and recorded in the audit log"))


def _options(words: Mapping[Any, str]) -> dict[str, str]:
    return {str(key): _(value) for key, value in words.items()}


def _whole(field: str, value: float | None) -> int:
    if value is None or not abs(value) < 1e9:
        raise InvalidInput(_("Enter a number"), field=field)
    return round(value)


def _moment(field: str, value: str | None, zone: str) -> datetime:
    if zone not in available_timezones():
        raise InvalidInput(_("Enter a time zone, e.g. {example}", example="Europe/Berlin"), field="time_zone")
    try:
        return datetime.fromisoformat(value or "").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(_("Enter a date and time"), field=field) from None


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime(LOCAL)
