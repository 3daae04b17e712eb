"""Guards around every request and WebSocket: plain ASGI, for Starlette's base class never sees WebSockets."""
