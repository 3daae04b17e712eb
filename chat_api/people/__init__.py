"""People and administrators: names, sessions, permissions, and what is kept of them."""
