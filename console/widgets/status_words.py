"""The words, colours and icons of states on the server's side, the same as ``assets/js/we-status.js``."""

from typing import Final

# Word, tone, icon and weight; the heaviest is painted over the others.
STATUSES: Final = {
    "offline": ("Offline", "bad", "offline", 7),
    "unhealthy": ("Down", "bad", "offline", 7),
    "misaddressed": ("Misaddressed", "bad", "misaddressed", 7),
    "quarantined": ("Quarantined", "violet", "quarantined", 6),
    "degraded": ("Degraded", "warn", "degraded", 5),
    "restarting": ("Restarting", "busy", "restarting", 3),
    "starting": ("Starting", "busy", "starting", 2),
    "maintenance": ("Maintenance", "violet", "maintenance", 1),
    "online": ("Online", "ok", "online", 0),
    "healthy": ("Healthy", "ok", "online", 0),
    "unknown": ("Unknown", "idle", "unknown", -1),
}


def status_words(status: str) -> tuple[str, str, str, int]:
    """Word, tone, icon and weight of a state."""
    return STATUSES.get(status, STATUSES["unknown"])
