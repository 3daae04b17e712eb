"""The System page's requests and calls to bots as markup."""

from html import escape
from typing import Final

from chat_api.bots.breaker import BreakerState
from chat_api.core.language import N_, _
from chat_api.core.request_statistics import RouteStatistics
from chat_api.system.schemas import (
    CallsView,
    SystemView,
)
from console.pages.system.cells import muted, number, rate, table, where_of
from console.widgets.fact_words import facts_html
from console.widgets.quantities import latency

MAX_ROUTES: Final = 60
_BREAKERS: Final = {
    BreakerState.CLOSED: ("ok", N_("breaker closed")),
    BreakerState.HALF_OPEN: ("warn", N_("breaker half-open")),
    BreakerState.OPEN: ("bad", N_("breaker open")),
}


def routes_table(view: SystemView, text: str) -> str:
    """The routes that were asked for most, those whose name has ``text`` in it."""
    rows = [
        (route, where_of(process) if len(view.processes) > 1 else "")
        for process in view.processes
        for route in process.routes
        if text in route.route.lower()
    ]
    if not rows:
        return muted(_("No routes match.") if text else _("No requests yet."))
    rows.sort(key=lambda row: row[0].count, reverse=True)
    numbers = (_("Requests"), _("per second"), "p50", "p95", "p99", _("Errors"))
    columns = [(_("Route"), False), *((name, True) for name in numbers)]
    return table(columns, (_route(route, where) for route, where in rows[:MAX_ROUTES]), testid="routes")


def _route(route: RouteStatistics, where: str) -> str:
    return (
        f'<th scope="row"><code>{escape(route.route)}</code> <span class="we-muted">{escape(where)}</span></th>'
        f"{number(str(route.count))}{number(rate(route.rate_per_s))}{number(latency(route.p50_ms))}"
        f"{number(latency(route.p95_ms))}{number(latency(route.p99_ms))}"
        f"{number(str(route.errors), is_bad=route.errors > 0)}"
    )


def calls_part(view: SystemView) -> str:
    """The calls to bots that are under way, and breakers that are not closed."""
    lanes = [calls for process in view.processes for calls in process.lanes]
    if not lanes:
        return muted(_("No calls in progress, all breakers closed."))
    return facts_html((escape(calls.bot_name), _calls_of(calls)) for calls in lanes)


def _calls_of(calls: CallsView) -> str:
    tone, state = _BREAKERS[BreakerState(calls.breaker)]
    return _(
        "{running} of {slots} calls, {waiting} waiting, {breaker}",
        running=calls.in_flight,
        slots=calls.slots,
        waiting=calls.waiting,
        breaker=f'<span class="we-status-{tone}">{_(state)}</span>',
    )
