"""Real parts and small helpers that the tests share."""
