"""Things broken for real, then healed, then counted."""
