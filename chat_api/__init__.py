"""The backend: every rule of the product, free of any transport."""
