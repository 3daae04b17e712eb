"""A report as a message to a channel: plain lines, what matters first, for services cut what is too long."""

from collections.abc import Iterator

from chat_api.core.language import _, ngettext
from chat_api.incidents.export import duration_words
from chat_api.reports.figures import day_title, figures, percent, seconds
from chat_api.reports.schemas import BotDay, DayReport

SLOWEST = 3


def message_of(report: DayReport, *, public_url: str | None = None) -> tuple[str, str]:
    """Title and text. With ``public_url`` the text says where the whole report is."""
    title = _("Daily report: {day}", day=day_title(report.day))
    lines = list(_lines(report)) if report.is_observed else [_("Nothing is known of this day: the console was off.")]
    if public_url is not None:  # before what may be cut
        lines.insert(0, f"{public_url}/admin/report?date={report.day.isoformat()}")
    return title, "\n".join(lines)


def slowest(report: DayReport) -> list[BotDay]:
    """The bots whose answers took longest, slowest first."""
    timed = [bot for bot in report.bots if bot.p95_s is not None]
    return sorted(timed, key=_slow)[:SLOWEST]


def _slow(bot: BotDay) -> float:
    return -(bot.p95_s or 0)


def _lines(report: DayReport) -> Iterator[str]:
    for figure in figures(report):
        changes = [
            _("{change} vs. the day before", change=figure.than_day_before) if figure.than_day_before else "",
            _("{change} vs. a week earlier", change=figure.than_week_before) if figure.than_week_before else "",
        ]
        said = "; ".join(change for change in changes if change)  # commas are for what may be cut
        yield f"{figure.label}: {figure.value}" + (f" ({said})" if said else "")
    for incident in report.incidents:
        lasted = duration_words(incident.duration_s)
        if incident.resolved_at is None:
            yield _("Incident: {title}, open for {time}", title=incident.title, time=lasted)
        else:
            yield _("Incident: {title}, lasted {time}", title=incident.title, time=lasted)
    for bot in report.bots:
        if bot.outages:
            times = ngettext("offline {count} time", "offline {count} times", bot.outages)
            yield f"{bot.bot_name}: {times}, {_('uptime')} {percent(bot.uptime)}"
    for bot in slowest(report):
        yield _("Slowest: {name}, p95 {time}", name=bot.bot_name, time=seconds(bot.p95_s))
    for queue in report.queues:
        yield _("Queue {name}: at most {count} jobs", name=queue.queue, count=queue.peak)
    for mode in report.modes:
        yield _("Mode {mode}: {share} of answers", mode=mode.mode, share=percent(mode.share))
