"""What is said of a bot in one line, and why an action makes no sense for it: in Python and in the browser, from here.

``console/labels.py`` puts them into the page's head.
"""

from collections.abc import Mapping
from typing import Final

from chat_api.core.language import N_

# As a check says it, and as it is shown without more words.
MODEL_SILENT: Final = N_("its language model does not answer")
# By what they say; "{seen}" is one of the first two.
NOTES: Final[Mapping[str, str]] = {
    "last_seen": N_("last seen {when}"),
    "not_checked": N_("not checked yet"),
    "until": N_("until {time}"),
    "until_ended": N_("until someone ends it"),
    "answered": N_("answered in {latency}, {when}"),
    "answered_but": N_("answered in {latency}, {when}; {note}"),
    "no_answer_because": N_("no answer to a test message: {error} ({when})"),
    "no_answer": N_("no answer to a test message ({when})"),
    "calls_waiting": N_("calls {running}/{slots} (+{waiting} waiting)"),
    "calls": N_("calls {running}/{slots}"),
    "gave_up": N_("automatic restarts gave up on it"),
    "because": N_("because {cause} {fault}"),
    "language_model": N_("the language model"),
    "action_failed": N_("{action} failed: {error}"),
    "no_reason": N_("no reason given"),
    "back": N_("back after {span}"),
    "not_configured": N_("{seen}; no longer configured"),
}
# Why an action cannot be taken now.
WHY_NOT: Final[Mapping[str, str]] = {
    "in_maintenance": N_("It is already in maintenance"),
    "not_in_maintenance": N_("It is not in maintenance"),
    "declared": N_("A file, BOTS_CONFIG or a running container still describes it"),
    "busy": N_("An action is already in progress"),
    "no_engine": N_("No container engine is configured"),
    "no_container": N_("This bot has no known container"),
    "no_label": N_("The container is neither adopted nor labelled"),
    "running": N_("It is already running"),
    "not_running": N_("It is not running"),
}
