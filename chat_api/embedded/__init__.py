"""PostgreSQL and Valkey from wheels, for an installation that brings none."""
