"""Restarts: single, bulk, rolling and automatic, and the history of all."""
