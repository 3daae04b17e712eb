"""Background work, owned by the lifespan."""
