"""The Adopt page: the compose projects and containers of the engine, and which of them the console may act on."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from chat_api.core.errors import EngineFailed, EngineUnavailable
from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import PartRole
from chat_api.parts.schemas import Candidate, ProjectView
from console.actions import run_action
from console.context import services
from console.frame import back_link, frame, page
from console.labels import CONTAINER_STATES, PART_ROLES
from console.widgets.action_table import ActionTable, action
from console.widgets.dialogs import ask, button
from console.widgets.records import column

PATH = "/admin/adopt"
COLUMNS = (
    column("name", N_("Container")),
    column("role", N_("Looks like")),
    column("why", N_("Because"), kind="long"),
    column("state", N_("State"), kind="status"),
    column("image", N_("Image"), kind="long"),
    column("adopted", N_("Adopted")),
)
Changed = Callable[[], Awaitable[None]]


def register() -> None:
    """Put the page at ``/admin/adopt``."""
    page(PATH, title=N_("Adopt"))(_adopt)


async def _adopt(principal: Principal) -> None:
    principal.require(Permission.VIEW_FLEET)
    may_adopt = principal.may(Permission.MANAGE_SETTINGS)
    with frame(principal, title=_("Adopt"), path=PATH):
        back_link("/admin", _("Fleet"))
        explanation = _(
            "The console can start, stop and restart a container only if you adopt it or if it carries our label."
            " Everything else is only watched. Adopting changes nothing about the container itself."
        )
        ui.label(explanation).classes("we-lead")
        box = ui.element("div").classes("we-adopt").props('data-testid="projects"')

        async def show() -> None:
            try:
                projects = await services().adoption.projects(principal)
            except (EngineUnavailable, EngineFailed) as error:
                box.clear()
                with box:
                    ui.label(error.message).classes("we-empty").props('data-testid="no-engine"')
                    ui.link(_("Open settings"), "/admin/settings").classes("we-button")
                return
            box.clear()
            with box:
                if not projects:
                    ui.label(_("The container engine has no containers.")).classes("we-empty")
                for project in projects:
                    _project(principal, project, show, may_adopt=may_adopt)

        await show()


def _project(principal: Principal, project: ProjectView, show: Changed, *, may_adopt: bool) -> None:
    adoption = services().adoption
    candidates = [one for one in project.containers if one.may_be_adopted]
    title = project.name or _("Without a compose project")

    async def adopt_all(_answer: str) -> None:
        done = _("{project} adopted", project=title)
        names = [one.name for one in candidates]  # what the question named, and nothing that came meanwhile
        await run_action(principal, lambda person: adoption.adopt(person, names, project=project.name), done=done)
        await show()

    async def pressed(name: str, container: str) -> None:
        if name == "adopt":
            done = _("{name} adopted", name=container)
            await run_action(
                principal, lambda person: adoption.adopt(person, [container], project=project.name), done=done
            )
        else:
            done = _("{name} is only watched now", name=container)
            await run_action(principal, lambda person: adoption.release(person, [container]), done=done)
        await show()

    def ask_for_all() -> None:
        ask(
            _("Adopt {project}?", project=title),
            _("The console can then start, stop and restart: {names}", names=", ".join(one.name for one in candidates)),
            action=_("Adopt"),
            on_answer=adopt_all,
        )

    with ui.element("section").classes("we-panel") as panel:
        # Not in a text of properties: an image may label its containers with more than a project's name.
        panel.props["data-testid"] = f"project-{project.name}"
        panel.props["aria-label"] = title
        with ui.element("div").classes("we-panel-head"):
            with ui.element("div").classes("we-two"):
                ui.label(title).classes("we-h2").props("role=heading aria-level=2")
                ui.label(_summary(project)).classes("we-muted")
            if may_adopt and project.name and candidates:
                label = ngettext("Adopt {count} container", "Adopt all {count} containers", len(candidates))
                kind = "we-primary" if project.is_fleet else ""
                button(label, ask_for_all, kind=kind, testid="adopt-all")
        ActionTable(
            COLUMNS,
            [_row(one, may_adopt=may_adopt) for one in project.containers],
            empty=_("No containers."),
            on_action=pressed,
        )


def _summary(project: ProjectView) -> str:
    if project.is_fleet:
        bots = sum(one.role is PartRole.BOT for one in project.containers)
        return ngettext("A fleet with {count} bot", "A fleet with {count} bots", bots)
    if all(one.role is PartRole.CONSOLE for one in project.containers):
        return _("This console")
    return _("No bots were found here")


def _row(one: Candidate, *, may_adopt: bool) -> dict[str, Any]:
    mark = CONTAINER_STATES[one.state]
    actions = []
    if may_adopt and one.may_be_adopted:
        actions = [action("adopt", _("Adopt"))]
    elif may_adopt and one.is_adopted and not one.is_by_setting:
        actions = [action("release", _("Undo"))]
    return {
        "key": one.name,
        "called": one.name,
        "name": one.name,
        "role": f"{_(PART_ROLES[one.role])} · {_(one.title)}",
        "why": one.why,
        "state": _(mark.label),
        "tone": mark.tone,
        "symbol": mark.icon,
        "image": one.image,
        "adopted": _adopted(one),
        "actions": actions,
    }


def _adopted(one: Candidate) -> str:
    if one.is_by_setting:
        return _("by ADOPT_COMPOSE_PROJECTS")
    if one.is_adopted:
        return _("by {name}", name=one.adopted_by or "–")
    return _("by its label") if one.is_labelled else ""
