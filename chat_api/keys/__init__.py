"""API keys: what programs sign in with."""
