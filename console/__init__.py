"""The NiceGUI user interface over the services: operations console and chat page."""
