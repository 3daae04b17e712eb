"""The load generator: a process of its own, with clients that cost as little as clients in Python can."""

LINE_LIMIT_BYTES = 16 * 1024 * 1024  # an order or an answer is one line
