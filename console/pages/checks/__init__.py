"""The Checks pages."""
