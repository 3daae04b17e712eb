"""What alerts say: in their titles, and in the messages about them."""

from typing import Final

from chat_api.core.language import N_
from chat_api.core.stored_sentences import stored

SUBJECT: Final = "{name} "
CONSOLE_TITLE: Final = "The console"

OFFLINE = stored(N_("{name} is offline"))
MISADDRESSED = stored(N_("{name} is misaddressed. {reason}"))
DEGRADED = stored(N_("{name} is degraded"))
DEGRADED_BECAUSE = stored(N_("{name} is degraded: {reason}"))
QUARANTINED = stored(N_("{name} is quarantined"))
SLOW = stored(N_("{name} takes {p95} s (p95; limit {limit} s)"))
FAILING = stored(N_("{name} failed {share} of its last {count} answers (limit {limit})"))
RESTARTED = stored(N_("{name} was restarted {count} times in an hour"))
NOT_SEEN = stored(N_("{name} has not been seen lately"))
NO_ANSWERS = stored(N_("{name} has given no answer lately"))
FEW_ANSWERS = stored(N_("{name} had too few answers lately to judge"))
DISK = stored(N_("The console has {share} of its disk free"))
NO_DISK = stored(N_("The console cannot see how full its disk is"))
LOOP_LAG = stored(N_("The console runs {lag} ms late (limit {limit} ms)"))
NO_LOOP_LAG = stored(N_("The console does not measure how late it is"))
SEVERAL_AT = stored(N_("Several bots were configured at {address}"))
LEFT = stored(N_("The bot left the fleet."))
LEFT_ALL = stored(N_("The bots left the fleet."))
POSTGRES_IS_DOWN = stored(N_("PostgreSQL is down"))
AFFECTED = stored(N_("Affected: {names}"))
CONFIGURED_THERE = stored(N_("Configured there: {names}"))
AND_MORE = stored(N_("and {count} more"))
NOTHING_STORED = stored(N_("Nothing can be stored or read, and the fleet is not watched until it is back."))
POSTGRES_TAKES_NO_WRITES = stored(N_("PostgreSQL takes no writes"))
NO_WRITES = stored(
    N_("What is stored can be read. Nothing can be saved, nobody can sign in, and the fleet is not watched.")
)
_BOTS = stored(N_("{rule}: {count} bots"))
_ONE_BOT = stored(N_("{rule}: {count} bot"))


def summary(template: str, **values: object) -> str:
    """What is wrong with a subject, without its name: the sentence goes on after it."""
    return template.removeprefix(SUBJECT).removeprefix(f"{CONSOLE_TITLE} ").format(**values)


def several(rule_name: str, count: int) -> str:
    """A rule that found several."""
    return (_ONE_BOT if count == 1 else _BOTS).format(rule=rule_name, count=count)


RESOLVED = stored(N_("Resolved: {what}"))
STILL = stored(N_("Still: {what}"))
MORE = stored(N_("More: {what}"))
