"""Clients of the outside world: bots over HTTP, the container engine, the vector store."""
