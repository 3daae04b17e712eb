"""What an operator may decide for a bot."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """What is to be changed; None leaves a thing as it is.

    ``maintenance_until`` (None: until somebody ends it) and ``maintenance_reason`` go with ``is_in_maintenance``.
    """

    is_in_maintenance: bool | None = None
    maintenance_reason: str = ""
    maintenance_until: datetime | None = None
    is_synthetic_check_on: bool | None = None
    is_auto_healed: bool | None = None
    is_healed_when_silent: bool | None = None
    heal_after_failures: int | None = None
    notes: str | None = None
