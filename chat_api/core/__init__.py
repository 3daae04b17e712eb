"""Foundations that every layer above may use: settings, errors, logging, database, Redis, security."""
