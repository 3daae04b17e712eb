"""The word, colour, icon and weight of any state of a bot or a dependency."""

from typing import Final

from console.labels import BOT, SERVICE, Mark

# Where both are painted into one another, what nobody knows is the lightest.
_UNKNOWN: Final = BOT["unknown"]._replace(weight=-1)
_MARKS: Final = {**SERVICE, **BOT, "unknown": _UNKNOWN}


def status_words(status: str) -> Mark:
    """How a state looks."""
    return _MARKS.get(status, _UNKNOWN)
