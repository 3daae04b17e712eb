"""ASGI middleware, outermost first: see ``chat_api/app.py``."""
