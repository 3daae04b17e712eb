"""Conversations as administrators read them, each reading with a reason."""
