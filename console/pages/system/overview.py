"""The System page's state in a sentence and in six numbers, and its versions. What comes from outside is escaped."""

from collections.abc import Callable
from datetime import timedelta
from html import escape
from typing import Final

from chat_api.core.language import N_, _, ngettext
from chat_api.system.schemas import (
    ProcessReport,
    SystemView,
)
from console.labels import Mark
from console.pages.system.cells import amount, rate, where_of
from console.widgets.fact_words import facts_html
from console.widgets.quantities import latency, percent

STALL_NEWS: Final = timedelta(minutes=5)
DISCONNECTED: Final = Mark(N_("Connection lost"), "idle", "unknown")


def banner(view: SystemView) -> tuple[Mark, str]:
    """How all is, and why, as markup."""
    late = [worker.name for process in view.processes for worker in process.workers if worker.is_late]
    stalled = [
        where_of(process)
        for process in view.processes
        if any(view.at - blocked.at < STALL_NEWS for blocked in process.blocked)
    ]
    troubles = [_(problem) for problem in view.problems]
    if late:
        troubles.append(_("Late workers: {names}.", names=", ".join(late)))
    if stalled:
        troubles.append(_("Event loop stalls in the last five minutes ({processes}).", processes=", ".join(stalled)))
    if not any(process.is_leader for process in view.processes):
        troubles.append(_("No leader process: bots aren't being checked."))
    if troubles:
        return Mark(N_("Needs attention"), "warn", "degraded"), escape(" ".join(troubles), quote=False)
    count = len(view.processes)
    said = ngettext("{count} process, all workers on time.", "{count} processes, all workers on time.", count)
    return Mark(N_("Healthy"), "ok", "online"), said


def summary(view: SystemView) -> str:
    """The whole deployment in six numbers."""

    def total(read: Callable[[ProcessReport], float]) -> float:
        return sum(read(process) for process in view.processes)

    def most(read: Callable[[ProcessReport], float]) -> float | None:
        return max((read(process) for process in view.processes), default=None)

    requests = total(lambda process: sum(route.rate_per_s for route in process.routes))
    waiting = total(lambda process: process.calls_waiting)
    cards = (
        ("WebSockets", f"{total(lambda process: process.websockets)}", _("open chat connections")),
        (
            _("Answers"),
            f"{total(lambda process: process.messages_running)}",
            _("in progress, {count} waiting for a bot", count=waiting),
        ),
        (_("Requests"), f"{rate(requests)}/s", _("last five minutes")),
        (
            _("Loop lag p99"),
            latency(most(lambda process: process.lag_p99_ms)),
            _("longest in a minute: {time}", time=latency(most(lambda process: process.lag_max_ms))),
        ),
        (_("Memory"), amount(total(lambda process: process.memory_bytes)), _("all processes")),
        (_("CPU"), percent(f"{total(lambda process: process.cpu_percent):.0f}"), _("of one core")),
    )
    return "".join(
        f'<div class="we-card"><span class="we-muted">{label}</span><strong class="we-figure">{escape(value)}</strong>'
        f'<span class="we-card-note">{note}</span></div>'
        for label, value, note in cards
    )


def versions_part(view: SystemView) -> str:
    """What it is made of."""
    return facts_html((escape(name), escape(version)) for name, version in view.versions.items())
