"""Faults behind a healthy ``/health``: each is named with its cause within a minute, and nothing else is."""
