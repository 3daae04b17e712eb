"""What runs a bot and what it uses: facts as of now, figures live while the page is open."""

from collections.abc import Iterable
from datetime import datetime
from html import escape

from nicegui import ui

from chat_api.core.errors import AppError
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.schemas import ContainerUsage
from chat_api.fleet.schemas import FleetView
from console.context import services
from console.live.open_pages import open_pages
from console.widgets.fact_words import facts_html, moment
from console.widgets.lifetime import while_shown
from console.widgets.quantities import fixed, localized, percent

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
        with _panel(_("Usage"), testid="usage"):
            _live_usage(principal, facts)
        facts_panels(facts)


def facts_panels(facts: ContainerFacts) -> None:
    """Put a panel each here for a container, its environment and its health checks."""
    with _panel(_("Container"), testid="container"):
        ui.html(container_html(facts), sanitize=False)
    with _panel(_("Environment"), testid="environment"):
        ui.html(environment_html(facts), sanitize=False)
    with _panel(_("Health checks"), testid="health-checks"):
        ui.html(health_html(facts), sanitize=False)


def _panel(label: str, *, testid: str) -> ui.element:
    panel = ui.element("section").classes("we-panel").props(f'data-testid="{testid}"')
    panel.props["aria-label"] = label
    return panel


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
    title = f"<h2>{_('Usage')}</h2>"
    if usage is None:
        return title + _muted(_("Measuring…"))
    used, limit = size_text(usage.memory_bytes), facts.memory_limit_bytes
    share = percent(f"{usage.cpu_percent:.1f}")
    return title + facts_html(
        [
            (
                _("CPU"),
                _("{share} of one core, limit {limit}", share=share, limit=localized(f"{facts.cpu_limit:g}"))
                if facts.cpu_limit
                else _("{share} of one core", share=share),
            ),
            (_("Memory"), _("{used} of {limit}", used=used, limit=size_text(limit)) if limit else used),
            (_("Received"), f"{size_text(usage.received_bytes_per_s)}/s"),
            (_("Sent"), f"{size_text(usage.sent_bytes_per_s)}/s"),
            (_("Measured"), _time(usage.measured_at)),
        ]
    )


def container_html(facts: ContainerFacts) -> str:
    """What it is, since when it runs, and how it ended."""
    view = facts.view
    end = _("out of memory") if view.oom_killed else _("exit code {code}", code=view.exit_code)
    state = view.state.value + (f" ({end})" if view.exit_code is not None else "")
    ports = _list(f"{port.container} → {port.host}" if port.host else port.container for port in facts.ports)
    mounts = _list(
        f"{mount.target} ← {mount.source} ({mount.kind}, {_('writable') if mount.is_writable else _('read-only')})"
        for mount in facts.mounts
    )
    return f"<h2>{_('Container')}</h2>" + facts_html(
        [
            (_("Name"), escape(f"{view.name} ({view.kind})")),
            (_("State"), escape(state)),
            (_("Started"), _time(view.started_at)),
            (_("Created"), _time(facts.created_at)),
            (_("Restarts"), str(view.restart_count)),
            (_("Restart policy"), escape(facts.restart_policy)),
            (_("Image"), f"<code>{escape(view.image)}</code>"),
            (_("Digest"), f"<code>{escape(facts.image_digest or facts.image_id or '–')}</code>"),
            (_("Command"), f'<code title="{escape(facts.command)}">{escape(_cut(facts.command))}</code>'),
            (_("Ports"), ports),
            (_("Mounts"), mounts),
            (_("Networks"), _list(facts.networks)),
        ]
    )


def environment_html(facts: ContainerFacts) -> str:
    """Its environment; what may hold a secret is kept back."""
    hidden = f'<span title="{_("Hidden: it may be a secret")}">••••••</span>'
    rows = [
        (
            f"<code>{escape(one.name)}</code>",
            f"<code>{escape(one.value)}</code>" if one.value is not None else hidden,
        )
        for one in facts.environment
    ]
    return f"<h2>{_('Environment')}</h2>" + (facts_html(rows) if rows else _muted(_("No variables set.")))


def health_html(facts: ContainerFacts) -> str:
    """The engine's own health check, and its last answers."""
    title = f"<h2>{_('Health checks')}</h2>"
    if not facts.health_command:
        return title + _muted(_("The image has no health check."))
    head = facts_html(
        [
            (_("Command"), f"<code>{escape(facts.health_command)}</code>"),
            (_("State"), escape(facts.view.health or "–")),
        ]
    )
    rows = [
        (
            _time(result.ended_at),
            f'{_passed(result.exit_code)} <code class="we-muted">{escape(result.output[:300])}</code>',
        )
        for result in facts.health_results
    ]
    return title + head + facts_html(rows)


def _passed(exit_code: int) -> str:
    return _("passed") if exit_code == 0 else _("failed (exit code {code})", code=exit_code)


def _muted(text: str) -> str:
    return f'<p class="we-muted">{text}</p>'


def _list(texts: Iterable[str]) -> str:
    return "<br>".join(escape(text) for text in texts)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_COMMAND_CHARS else text[:MAX_COMMAND_CHARS] + "…"


def _time(at: datetime | None) -> str:
    return moment(at) if at else "–"


def size_text(size: float) -> str:
    """Bytes for people: ``12.3 MiB``."""
    power = 0
    while size >= 1024 and power < len(_UNITS) - 1:
        size /= 1024
        power += 1
    return f"{fixed(size, 1 if power else 0)} {_UNITS[power]}"
