"""The Report page: one day of the fleet in one page, what changed, and when it is sent."""

from datetime import UTC, date, datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from nicegui import ui

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _
from chat_api.core.local_time import today
from chat_api.core.principals import Permission, Principal
from chat_api.reports.figures import day_title
from chat_api.reports.schemas import DayReport, ReportSchedule
from console import page_head
from console.context import services
from console.frame import frame, page
from console.pages.report.markdown_dialog import open_markdown
from console.pages.report.schedule_form import schedule_form, schedule_words
from console.pages.report.sections import figures_html, sections
from console.widgets.dialogs import button
from console.widgets.fact_words import moment

PATH = "/admin/report"
DAY = timedelta(days=1)


def register() -> None:
    """Put the page at ``/admin/report``."""
    page(PATH, title=N_("Report"))(_report)


async def _report(principal: Principal, date: str = "") -> None:
    service = services().reports
    report = await service.report(principal, _day(date))
    schedule = await service.schedule(principal)
    with frame(principal, title=_("Report"), path=PATH):
        _days(report)
        await _about(principal, report, schedule)
        if not report.is_observed:
            ui.label(_("Nothing is known of this day: the console was off.")).classes("we-empty").props(
                'data-testid="empty"'
            )
            return
        ui.html(figures_html(report), sanitize=False).props('data-testid="figures"')
        sections(report)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("a day such as 2026-11-29", field="date") from None


def _days(report: DayReport) -> None:
    """Which day it is, and the ways to others and to its documents."""
    newest = today(datetime.now(UTC), ZoneInfo(report.time_zone))
    address = f"/api/admin/reports/{report.day}"
    with ui.element("div").classes("we-toolbar"):
        ui.html(_days_html(report, newest), sanitize=False).classes("we-report-days")
        with ui.element("div").classes("we-exports"):
            button(_("Markdown"), lambda: open_markdown(report), kind="we-quiet", testid="markdown")
            ui.html(
                _download(f"{address}.md", f"report-{report.day}.md", ".md")
                + _download(address, f"report-{report.day}.json", "JSON"),
                sanitize=False,
            ).classes("we-exports")
    ui.label(day_title(report.day)).classes("we-h2").props('role=heading aria-level=2 data-testid="day"')


def _days_html(report: DayReport, newest: date) -> str:
    before, after = report.day - DAY, report.day + DAY
    forward = _link(after, _("Next day")) if after <= newest else ""
    return (
        f"{_link(before, _('Previous day'))}{forward}"
        f'<form method="get" action="{PATH}" class="we-report-day"><input class="we-date" type="date" name="date"'
        f' aria-label="{_("Day")}" value="{report.day}" max="{newest}" required>'
        f'<button class="we-button" type="submit">{_("Show")}</button></form>'
    )


def _download(address: str, name: str, label: str) -> str:
    symbol = page_head.icon_svg("download")
    return f'<a class="we-button we-quiet" href="{address}" download="{name}">{symbol}<span>{label}</span></a>'


def _link(day: date, label: str) -> str:
    return f'<a class="we-button" href="{PATH}?date={day}">{escape(label)}</a>'


async def _about(principal: Principal, report: DayReport, schedule: ReportSchedule) -> None:
    """From when until when it is, when it is sent, and for who may, a button to decide it."""
    channels = await services().alert_settings.channels(principal)
    running = "" if report.is_over else f" {_('So far, until {time}.', time=moment(report.until, is_exact=True))}"
    zone = _("Midnight to midnight, {zone}.", zone=report.time_zone)
    with ui.element("div").classes("we-toolbar we-muted"):
        ui.html(f"{escape(zone)}{running}", sanitize=False)
        words = ui.label(schedule_words(schedule, channels)).props('data-testid="schedule"')
        if not principal.may(Permission.MANAGE_ALERTS):
            return

        async def show() -> None:
            nonlocal schedule
            schedule = await services().reports.schedule(principal)
            words.set_text(schedule_words(schedule, channels))

        button(
            _("Change"),
            lambda: schedule_form(principal, schedule, channels, show),
            kind="we-quiet",
            testid="change-schedule",
        )
