"""What runs a bot and what it uses: facts as of now, figures live while the page is open."""

from collections.abc import Iterable
from datetime import datetime
from html import escape

from nicegui import ui

from chat_api.core.errors import AppError
from chat_api.core.principals import Permission, Principal
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.schemas import ContainerUsage
from chat_api.fleet.schemas import FleetView
from console.context import services
from console.live.open_pages import open_pages
from console.widgets.fact_words import facts_html, moment
from console.widgets.lifetime import while_shown

MAX_COMMAND_CHARS = 200
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


async def bot_container(principal: Principal, bot_name: str) -> None:
    """Put the panels here; where there is no container, what to say instead. Raises: PermissionDenied."""
    principal.require(Permission.VIEW_FLEET)
    try:
        facts = await services().containers.facts(principal, bot_name)
    except AppError as error:
        ui.label(error.message).classes("we-empty").props('data-testid="no-container"')
        return
    with ui.element("div").classes("we-panels"):
        with ui.element("section").classes("we-panel").props('aria-label="Usage" data-testid="usage"'):
            _live_usage(principal, facts)
        with ui.element("section").classes("we-panel").props('aria-label="Container" data-testid="container"'):
            ui.html(container_html(facts), sanitize=False)
        with ui.element("section").classes("we-panel").props('aria-label="Environment" data-testid="environment"'):
            ui.html(environment_html(facts), sanitize=False)
        with ui.element("section").classes("we-panel").props('aria-label="Health checks" data-testid="health-checks"'):
            ui.html(health_html(facts), sanitize=False)


def _live_usage(principal: Principal, facts: ContainerFacts) -> None:
    bot_name, client = facts.view.bot_name, ui.context.client
    fleet = services().fleet
    shown = ui.html(usage_html(_usage_in(fleet.current(), bot_name), facts), sanitize=False)
    last = _usage_in(fleet.current(), bot_name)

    def changed(view: FleetView) -> None:
        nonlocal last
        usage = _usage_in(view, bot_name)
        if usage != last and client in open_pages():
            last = usage
            with open_pages().entered(client):
                shown.set_content(usage_html(usage, facts))

    unwatch = services().containers.watch(principal, (bot_name,))
    fleet.changes.listen(changed)

    def end() -> None:
        fleet.changes.forget(changed)
        unwatch()

    while_shown(end)


def _usage_in(view: FleetView, bot_name: str) -> ContainerUsage | None:
    return next((bot.usage for bot in view.bots if bot.name == bot_name), None)


def usage_html(usage: ContainerUsage | None, facts: ContainerFacts) -> str:
    """What it uses at this moment, and of what."""
    if usage is None:
        return '<h2>Usage</h2><p class="we-muted">Measuring …</p>'
    limit = facts.memory_limit_bytes
    memory = size_text(usage.memory_bytes) + (f" of {size_text(limit)}" if limit else "")
    cpu = f"{usage.cpu_percent:.1f}% of one core" + (f", limit {facts.cpu_limit:g}" if facts.cpu_limit else "")
    return "<h2>Usage</h2>" + facts_html(
        [
            ("CPU", escape(cpu)),
            ("Memory", escape(memory)),
            ("Received", f"{size_text(usage.received_bytes_per_s)}/s"),
            ("Sent", f"{size_text(usage.sent_bytes_per_s)}/s"),
            ("Measured", _time(usage.measured_at)),
        ]
    )


def container_html(facts: ContainerFacts) -> str:
    """What it is, since when it runs, and how it ended."""
    view = facts.view
    end = "killed for its memory" if view.oom_killed else f"exit code {view.exit_code}"
    state = view.state.value + (f" ({end})" if view.exit_code is not None else "")
    ports = _list(f"{port.container} → {port.host}" if port.host else port.container for port in facts.ports)
    mounts = _list(
        f"{mount.target} ← {mount.source} ({mount.kind}, {'writable' if mount.is_writable else 'read-only'})"
        for mount in facts.mounts
    )
    return "<h2>Container</h2>" + facts_html(
        [
            ("Name", escape(f"{view.name} ({view.kind})")),
            ("State", escape(state)),
            ("Started", _time(view.started_at)),
            ("Created", _time(facts.created_at)),
            ("Restarts", str(view.restart_count)),
            ("Restart policy", escape(facts.restart_policy)),
            ("Image", f"<code>{escape(view.image)}</code>"),
            ("Digest", f"<code>{escape(facts.image_digest or facts.image_id or '–')}</code>"),
            ("Command", f'<code title="{escape(facts.command)}">{escape(_cut(facts.command))}</code>'),
            ("Ports", ports),
            ("Mounts", mounts),
            ("Networks", _list(facts.networks)),
        ]
    )


def environment_html(facts: ContainerFacts) -> str:
    """Its environment; what may hold a secret is kept back."""
    rows = [
        (
            f"<code>{escape(one.name)}</code>",
            f"<code>{escape(one.value)}</code>" if one.value is not None else '<span title="Kept back">••••••</span>',
        )
        for one in facts.environment
    ]
    return "<h2>Environment</h2>" + (facts_html(rows) if rows else '<p class="we-muted">No variable is set.</p>')


def health_html(facts: ContainerFacts) -> str:
    """The engine's own health check, and its last answers."""
    if not facts.health_command:
        return '<h2>Health checks</h2><p class="we-muted">The image has no health check.</p>'
    head = facts_html(
        [("Command", f"<code>{escape(facts.health_command)}</code>"), ("State", escape(facts.view.health or "–"))]
    )
    rows = [
        (
            _time(result.ended_at),
            f"{'well' if result.exit_code == 0 else f'failed ({result.exit_code})'} "
            f'<code class="we-muted">{escape(result.output[:300])}</code>',
        )
        for result in facts.health_results
    ]
    return "<h2>Health checks</h2>" + head + facts_html(rows)


def _list(texts: Iterable[str]) -> str:
    return "<br>".join(escape(text) for text in texts)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_COMMAND_CHARS else text[:MAX_COMMAND_CHARS] + " …"


def _time(at: datetime | None) -> str:
    return moment(at) if at else "–"


def size_text(size: float) -> str:
    """Bytes for people: ``12.3 MiB``."""
    power = 0
    while size >= 1024 and power < len(_UNITS) - 1:
        size /= 1024
        power += 1
    return f"{size:.0f} {_UNITS[power]}" if power == 0 else f"{size:.1f} {_UNITS[power]}"
