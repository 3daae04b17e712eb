"""The container engine: containers, events, logs, statistics and Swarm services through the Docker SDK."""
