"""Frozen read models that services return and doors render."""
