"""The fleet: which bots there are, how each of them is, and how the services are that they need."""
