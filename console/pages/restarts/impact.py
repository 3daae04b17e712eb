"""What an action costs, for people: how many it affects, and how long it takes."""

from chat_api.core.language import _, ngettext
from console.widgets.quantities import localized


def people_text(count: int) -> str:
    """How many people are talking to the bots of an action right now."""
    if count == 0:
        return _("No one is talking to these bots right now.")
    return ngettext(
        "{count} person is talking to these bots right now.",
        "{count} people are talking to these bots right now.",
        count,
    )


def about(seconds: float) -> str:
    """A duration as one would say it: "about 40 s", "about 5 min"."""
    if seconds < 90:
        return _("about {count} s", count=max(1, round(seconds)))
    if seconds < 5400:
        return _("about {count} min", count=round(seconds / 60))
    return _("about {count} h", count=localized(f"{seconds / 3600:.1f}"))
