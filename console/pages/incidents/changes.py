"""What changed of the bots of an incident since each was last healthy, as markup."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from chat_api.changes.schemas import ChangesSince
from chat_api.core.language import ngettext
from console.widgets.change_words import since_html

NAMED = 10


def incident_changes(changes: Sequence[ChangesSince]) -> str:
    """Bots of which something changed first; of many, some, and how many more there are."""
    first = sorted(changes, key=lambda since: (not since.changes, since.bot_name))
    shown = "".join(_since(since) for since in first[:NAMED])
    more = len(first) - NAMED
    if more > 0:
        shown += f'<p class="we-muted we-since">{ngettext("{count} more bot", "{count} more bots", more)}</p>'
    return shown


def _since(since: ChangesSince) -> str:
    name = escape(since.bot_name)
    link = f'<a href="/admin/changes?bot={quote(since.bot_name, safe="")}">{name}</a>'
    return f'<div class="we-since" data-bot="{name}"><h3>{link}</h3>{since_html(since)}</div>'
