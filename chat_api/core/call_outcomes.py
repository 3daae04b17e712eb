"""What counts as a failed answer: the one definition, for series, status, alerts, analytics and metrics.

Counted is every time that a user wanted an answer from a bot: a retry is one more, also when the bot's bulkhead let
nothing through, for then the bot is too slow for what is asked of it. Not counted is what says nothing of the bot: what
the user stopped, what we refused or gave up ourselves, and what nobody asked for (synthetic checks and test messages,
which have series of their own). What a bot's open breaker refuses is ours, too: the calls that opened it are counted,
and how often people try meanwhile does not make them more.
"""

from typing import Final

OK: Final = "ok"
APOLOGY: Final = "apology"
TRUNCATED: Final = "truncated"
CANCELLED: Final = "cancelled"
SILENT: Final = "silent"
PAUSED: Final = "paused"

# An answer that broke off was begun all the same, and a bot may choose to say nothing.
_ANSWERED: Final = frozenset({OK, TRUNCATED, SILENT})
_NOT_COUNTED: Final = frozenset({CANCELLED, PAUSED, "stopped", "invalid_input", "shutting_down"})


def is_counted(outcome: str) -> bool:
    """Whether a call that ended like this is one of a bot's calls. ``outcome``: of the above, or an error's code."""
    return outcome not in _NOT_COUNTED


def is_failure(outcome: str) -> bool:
    """Whether a call that ended like this failed: no answer, or the bot's words that it has none."""
    return outcome not in _ANSWERED and outcome not in _NOT_COUNTED
