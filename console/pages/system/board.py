"""The whole System page as one component; its data reach it by broadcast, see ``console/live/system.py``."""

from nicegui.element import Element

from console import theme


class SystemBoard(Element, component=theme.ASSETS / "system_board.js", dependencies=[theme.ASSETS / "js" / "*.js"]):
    """Processes, requests, workers, slow statements, and what the service stands on."""

    def __init__(self) -> None:
        super().__init__()
        self._props["icons"] = theme.asset("icons.svg")
