"""Thin HTTP and WebSocket doors to the services."""
