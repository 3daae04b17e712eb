"""WebSocket connections: per-socket queues, fan-out, close codes."""
