"""The backend: every rule of the product, free of any transport."""

__version__ = "0.1.0"
