"""What changed, as markup: each entry in a line, and what is said of one bot since it was last healthy."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from chat_api.changes.schemas import ChangeEntry, ChangeKind, ChangesSince, ChangeType
from chat_api.core.language import N_, _, ngettext
from console.widgets.fact_words import moment

KINDS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.IMAGE: N_("Image"),
    ChangeKind.ENVIRONMENT: N_("Environment"),
    ChangeKind.CHARACTER: N_("Character"),
    ChangeKind.MODEL: N_("Model"),
    ChangeKind.FLAG: N_("Flag"),
    ChangeKind.SETTING: N_("Setting"),
}
# What a feature flag is, in our words.
_SWITCHED: Final = {"on": N_("on"), "off": N_("off")}
MAX_LISTED: Final = 30
_DIGEST: Final = "sha256:"
_DIGEST_CHARS: Final = 12
MAX_VALUE_CHARS: Final = 100


def entries_html(entries: Sequence[ChangeEntry]) -> str:
    """The entries, each with its kind, its name and what it was and is; hidden values are only said to differ."""
    lines = "".join(_entry(entry) for entry in entries[:MAX_LISTED])
    more = len(entries) - MAX_LISTED
    if more > 0:
        said = ngettext("{count} more change", "{count} more changes", more)
        lines += f'<li class="we-muted">{said}</li>'
    return f'<ul class="we-changed">{lines}</ul>'


def since_html(since: ChangesSince, *, is_healthy: bool = False) -> str:
    """What is different since a bot was last healthy; of one that is, its last change."""
    parts = [] if is_healthy else [_since(since)]
    last = since.last_change
    if last is not None and (is_healthy or last.changes != since.changes):
        said = _("Last change {when}:", when=moment(last.at))
        if not last.is_start:
            said = _("Last change {when}, while it was running:", when=moment(last.at))
        parts.append(f'<p class="we-muted">{said}</p>{entries_html(last.changes)}')
    elif is_healthy:
        said = _("Nothing has changed since the first recorded start ({starts}).", starts=_starts(since.starts))
        parts.append(f'<p class="we-muted">{said}</p>')
    return "".join(parts)


def value_html(value: str, *, max_chars: int = MAX_VALUE_CHARS) -> str:
    """A value: a digest by its beginning, whole on hover, as any that is long."""
    shown = _(_SWITCHED[value]) if value in _SWITCHED else value
    if value.startswith(_DIGEST) and len(value) > len(_DIGEST) + _DIGEST_CHARS:
        shown = value[: len(_DIGEST) + _DIGEST_CHARS] + "…"
    elif len(value) > max_chars:
        shown = value[:max_chars] + "…"
    title = f' title="{escape(value)}"' if shown.endswith("…") else ""
    return f"<code{title}>{escape(shown)}</code>"


def _since(since: ChangesSince) -> str:
    starts = _starts(since.starts)
    if since.healthy_at is None:
        if not since.changes:
            return f'<p class="we-muted">{_("Nothing we know of changed ({starts}).", starts=starts)}</p>'
        said = _("Since the first recorded start ({starts}):", starts=starts)
        return f"<p>{said}</p>{entries_html(since.changes)}"
    when = moment(since.healthy_at)
    if not since.changes:
        said = _("Nothing we know of changed since it was last healthy, {when} ({starts}).", when=when, starts=starts)
        return f'<p class="we-muted">{said}</p>'
    said = _("Since it was last healthy, {when} ({starts}):", when=when, starts=starts)
    return f"<p>{said}</p>{entries_html(since.changes)}"


def _starts(count: int) -> str:
    return ngettext("{count} start known", "{count} starts known", count)


def _entry(entry: ChangeEntry) -> str:
    kind = f'<span class="we-changed-kind">{_(KINDS[entry.kind])}</span>'
    name = f'<code class="we-changed-name">{escape(entry.name)}</code>'
    return f'<li data-kind="{entry.kind}">{kind}{name}<span class="we-changed-values">{_values(entry)}</span></li>'


def _values(entry: ChangeEntry) -> str:
    if entry.is_hidden:
        return f'<span class="we-muted">{_hidden(entry)}</span>'
    if entry.before is not None and entry.after is not None:
        return (
            f"<del>{value_html(entry.before)}</del><span aria-hidden=true>→</span><ins>{value_html(entry.after)}</ins>"
        )
    if entry.after is not None:
        return f'<span class="we-muted">{_("added")}</span><ins>{value_html(entry.after)}</ins>'
    return f'<span class="we-muted">{_("removed")}</span><del>{value_html(entry.before or "")}</del>'


def _hidden(entry: ChangeEntry) -> str:
    if entry.change is ChangeType.ADDED:
        return _("added")
    if entry.change is ChangeType.REMOVED:
        return _("removed")
    return _("changed") if entry.kind is ChangeKind.CHARACTER else _("changed (value hidden)")
