"""Why a store of the fleet cannot be read: it is somebody else's, and none of our errors.

What we read there is a comfort. Whoever asks notes the fault, shows it where the data would stand, and goes on.
"""

from collections.abc import Mapping
from enum import StrEnum

from chat_api.core.language import N_
from chat_api.core.logging import redact

DETAIL_CHARS = 200


class StoreFault(StrEnum):
    """What is wrong, as an operator would look for it."""

    AWAY = "away"
    SLOW = "slow"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"
    ABSENT = "absent"
    ODD = "odd"


FAULTS: Mapping[StoreFault, str] = {
    StoreFault.AWAY: N_("can't be reached"),
    StoreFault.SLOW: N_("did not answer in time"),
    StoreFault.REFUSED: N_("refuses the credentials"),
    StoreFault.FORBIDDEN: N_("doesn't allow reading"),
    StoreFault.ABSENT: N_("doesn't have what is looked for"),
    StoreFault.ODD: N_("gave an answer that can't be understood"),
}


class StoreUnreadable(Exception):
    """A store of the fleet gave no data. ``detail`` is for operators, without secrets."""

    def __init__(self, fault: StoreFault, detail: object = "") -> None:
        self.fault = fault
        self.detail = redact(" ".join(str(detail).split()))[:DETAIL_CHARS]
        super().__init__(f"{FAULTS[fault]}: {self.detail}" if self.detail else FAULTS[fault])
