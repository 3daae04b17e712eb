"""Codes of an authenticator. Source: RFC 6238, six digits every 30 seconds."""

from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

# One step to either side: a code is read, typed and sent, and the clock of a telephone is its own.
STEPS_BESIDE = 1


def matching_step(secret: str, code: str, *, at: datetime) -> int | None:
    """The time step whose code this is, of those that count at a moment; the caller spends it, for it counts once."""
    totp = pyotp.TOTP(secret)
    code = "".join(code.split())  # authenticators show "123 456"
    now = totp.timecode(at)
    steps = range(now - STEPS_BESIDE, now + STEPS_BESIDE + 1)
    return next((step for step in steps if strings_equal(code, totp.generate_otp(step))), None)
