"""One module a page, each with ``register()``."""
