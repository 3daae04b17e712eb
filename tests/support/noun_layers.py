"""A contract for import-linter: inside a noun, routes and workers stand on services, services on repositories.

A module's layer is the last word of its name, e.g. ``settings_repository``; one without such a word is a service.
"""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

LAYERS = {"schemas": 0, "repository": 1, "bodies": 3, "worker": 3, "watcher": 3, "poller": 3, "routes": 4}
SERVICE = 2


class NounLayers(Contract):
    """``container``: the package whose subpackages are the nouns."""

    type_name = "noun_layers"

    container = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every import between two modules of one noun."""
        upward = [
            (module, imported)
            for noun in sorted(graph.find_children(str(self.container)))
            for module in sorted(graph.find_descendants(noun))
            for imported in sorted(graph.find_modules_directly_imported_by(module))
            if imported.startswith(f"{noun}.") and _layer(imported) > _layer(module)
        ]
        return ContractCheck(kept=not upward, metadata={"upward": upward})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name the imports that point upwards."""
        for module, imported in check.metadata["upward"]:
            output.print_error(f"{module} imports {imported}, which is above it.")


def _layer(module: str) -> int:
    return LAYERS.get(module.rpartition(".")[2].rpartition("_")[2], SERVICE)
