"""What background work runs on: a leader elected by a lease, supervised tasks, and a registry of their heartbeats."""
