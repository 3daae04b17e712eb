"""What a bot is: its character, how the fleet describes it, and what it says of itself."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote

from nicegui import ui

from chat_api.bots.schemas import BotInfo, BotSpec
from chat_api.core.errors import Upstream
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import BotPolicy
from console.actions import run_action
from console.context import services
from console.pages.bot.changes import bot_changes
from console.pages.bot.claims import CLAIMED, NOTE, claims, has_claims
from console.widgets.dialogs import ask, button
from console.widgets.fact_words import fact_label, facts_html
from console.widgets.quantities import span

MAX_FACTS = 20
MAX_TEXT_CHARS = 300
# What sources say of a bot that decides where it is and what it is called.
_SAID = {
    "display_name": N_("name"),
    "url": N_("address"),
    "port": N_("port"),
    "container_name": N_("container"),
    "model": N_("model"),
    "timeout": N_("time limit"),
}


async def bot_overview(principal: Principal, bot_name: str) -> None:
    """Build the section. What the bot says of itself is asked for now, and waited for a few seconds at most.

    What another bot says at its address is not shown as its own.
    """
    spec = services().registry.get(bot_name)
    with ui.element("div").classes("we-panels"):
        known = _character(spec) + _setup(spec, services().fleet.policy_of(spec.name))
        ui.html(known, sanitize=False, tag="section").classes("we-panel").props('data-testid="character"')
        await bot_changes(principal, spec.name)
        own = ui.html(_saying(_muted(_("Loading…"))), sanitize=False, tag="section").classes("we-panel")
        if not spec.declared_by and principal.may(Permission.MANAGE_SETTINGS):
            _renamed(principal, spec)
    own.props('data-testid="self-description"')
    if services().fleet.identities.fault(spec.name) is not None:
        own.content = _saying(_muted(_("Another bot answers at this address.")))
        return
    try:
        info = await services().test_messages.self_description(principal, spec.name)
    except Upstream:
        own.content = _saying(_muted(_("No answer yet, or nothing reported.")))
    else:
        note = _muted(_(NOTE)) if has_claims(info) else ""
        own.content = _saying(facts_html(_said(info, spec)) + note)


def _renamed(principal: Principal, spec: BotSpec) -> None:
    """Offered for a bot that nothing describes any more: it may go by another name now."""
    others = {one.name: one.display_name for one in services().registry.all() if one.declared_by}
    if not others:
        return
    with ui.element("section").classes("we-panel").props('data-testid="renamed"') as panel:
        panel.props["aria-label"] = _("Renamed?")
        ui.label(_("Renamed?")).classes("we-h2").props("role=heading aria-level=2")
        explanation = _(
            "If this bot goes by another name now, give its conversations, series, incidents and policy to that bot."
        )
        ui.label(explanation).classes("we-muted")
        chosen = ui.select(others, label=_("It is now")).props("outlined dense")

        async def merge(_answer: str) -> None:
            into = str(chosen.value)
            done = _("{name} is now {other}", name=spec.display_name, other=others[into])
            moved = await run_action(
                principal, lambda person: services().renames.take_over(person, spec.name, into), done=done
            )
            if moved is not None:
                ui.navigate.to(f"/admin/bots/{quote(into)}")

        def question() -> None:
            if chosen.value in others:
                ask(
                    _("Merge {name} into {other}?", name=spec.display_name, other=others[chosen.value]),
                    _("This can't be undone. {name} leaves the fleet.", name=spec.display_name),
                    action=_("Merge"),
                    is_dangerous=True,
                    on_answer=merge,
                )

        button(_("Merge"), question, testid="merge")


def _character(spec: BotSpec) -> str:
    emoji = f"{escape(spec.emoji)} " if spec.emoji else ""
    about = f"<p>{escape(spec.description)}</p>" if spec.description else _muted(_("No character file."))
    return f"<h2>{_('Character')}</h2><p class=we-strong>{emoji}{escape(spec.display_name)}</p>{about}"


def _setup(spec: BotSpec, policy: BotPolicy | None) -> str:
    rows = [
        (_("Name"), f"<code>{escape(spec.name)}</code>"),
        (_("Address"), f"<code>{escape(spec.url)}</code>"),
        (_("Model"), escape(spec.model or "–")),
        (_("Container"), escape(spec.container_name or "–")),
        (_("Sources"), _sources(spec.name) or "–"),
    ]
    if policy is not None and policy.notes:
        rows.append((_("Notes"), escape(policy.notes)))
    return f"<h2>{_('Configuration')}</h2>{facts_html(rows)}"


def _sources(bot_name: str) -> str:
    """What each source says, the strongest first; what a stronger one says otherwise is muted."""
    lines: list[str] = []
    settled: set[str] = set()
    for sighting in reversed(services().registry.said_of(bot_name)):
        told = []
        for key, label in _SAID.items():
            if key in sighting.facts:
                muted = ' class="we-muted"' if key in settled else ""
                told.append(f"<span{muted}>{_(label)} {_short(sighting.facts[key])}</span>")
        settled |= sighting.facts.keys()
        lines.append(f"<code>{escape(sighting.source)}</code>" + (f"<br>{', '.join(told)}" if told else ""))
    return "<br>".join(lines)


def _saying(markup: str) -> str:
    return f"<h2>{_('Self-reported')}</h2>{markup}"


def _said(info: BotInfo, spec: BotSpec) -> Iterable[tuple[str, str]]:
    """What it says, without what stands beside it already."""
    known = {spec.display_name, spec.description, spec.emoji, info.version, info.model, info.engine, info.contract}
    yield _("Contract"), escape(info.contract)
    for label, value in ((_("Engine"), info.engine), (_("Version"), info.version), (_("Model"), info.model)):
        if value:
            yield label, _short(value)
    if info.uptime_s is not None:
        yield _("Running for"), span(info.uptime_s)
    if info.capabilities:
        yield _("Capabilities"), _short(", ".join(info.capabilities))
    yield from claims(info)
    others = {key: value for key, value in info.facts.items() if key not in CLAIMED}
    facts = [(key, fact) for key, fact in _flat(others) if fact not in known]
    for key, fact in facts[:MAX_FACTS]:
        yield escape(fact_label(key)[:60]), _short(fact)


def _flat(facts: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What can be read in a line; of an object in it, its own facts."""
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from ((str(inner), _shown(facts)) for inner, facts in value.items() if _is_plain(facts))
        elif isinstance(value, list):
            yield str(key), ", ".join(str(item) for item in value[:MAX_FACTS] if _is_plain(item))
        elif _is_plain(value):
            yield str(key), _shown(value)


def _shown(value: object) -> object:
    return _("yes") if value is True else _("no") if value is False else value


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _short(value: object) -> str:
    return escape(str(value)[:MAX_TEXT_CHARS])


def _muted(text: str) -> str:
    return f'<p class="we-muted">{escape(text)}</p>'
