"""When the report is sent: in words, and as a form."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from chat_api.alerts.schemas import ChannelView
from chat_api.core.language import _
from chat_api.core.principals import Principal
from chat_api.reports.schemas import ReportSchedule, ScheduleDraft
from console.context import services
from console.widgets.forms import Form


def schedule_words(schedule: ReportSchedule, channels: Sequence[ChannelView]) -> str:
    """Whether, when and where it is sent."""
    if not schedule.is_on:
        return _("Not sent to any channel.")
    names = [one.name for one in channels if schedule.channels is None or one.channel_id in schedule.channels]
    if not names:
        return _("Sent at {time} ({zone}), but there is no channel.", time=schedule.at_time, zone=schedule.time_zone)
    return _(
        "Sent each morning at {time} ({zone}) to {names}.",
        time=schedule.at_time,
        zone=schedule.time_zone,
        names=", ".join(names),
    )


def schedule_form(
    principal: Principal,
    schedule: ReportSchedule,
    channels: Sequence[ChannelView],
    done: Callable[[], Awaitable[None]],
) -> None:
    """Decide it."""

    async def save(person: Principal) -> None:
        draft = ScheduleDraft(
            is_on=is_on.value,
            at_time=(at_time.value or "")[:5],
            time_zone=(zone.value or "").strip(),
            channels=tuple(UUID(one) for one in chosen.value) or None,
        )
        await services().reports.change_schedule(person, draft)

    with Form(principal, _("Daily report"), save=save, done=done).filling() as form:
        is_on = form.switch(_("Send the report of each day on the next one"), schedule.is_on)
        at_time = form.text("at_time", _("At"), schedule.at_time, type="time")
        example = _("Days begin at its midnight, e.g. {example}", example="Europe/Berlin")
        zone = form.text("time_zone", _("Time zone"), schedule.time_zone, hint=example)
        options = {str(one.channel_id): one.name for one in channels}
        wanted = [str(one) for one in schedule.channels or ()]
        chosen = form.choices("channels", _("Channels"), options, wanted, hint=_("If none selected: all channels"))
