"""A contract for import-linter: what only repositories may import, and the layer that they stand on.

A repository's name ends in that word, e.g. ``settings_repository``.
"""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyRepositories(Contract):
    """``imported`` are the modules that repositories of ``container`` alone import; ``allowed`` packages may, too."""

    type_name = "only_repositories"

    container = fields.StringField()
    imported = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at everybody in the container who imports one of them."""
        astray = [
            (importer, str(imported))
            for imported in self.imported  # type: ignore[attr-defined]
            for importer in sorted(graph.find_modules_that_directly_import(str(imported)))
            if importer.startswith(f"{self.container}.")
            and not importer.endswith("repository")
            and not any(f"{importer}.".startswith(f"{one}.") for one in self.allowed)  # type: ignore[attr-defined]
        ]
        return ContractCheck(kept=not astray, metadata={"astray": astray})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name the imports that do not belong there."""
        for importer, imported in check.metadata["astray"]:
            output.print_error(f"{importer} imports {imported}: statements and rows stay in repositories.")
