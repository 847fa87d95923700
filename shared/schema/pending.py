"""Whether the tables are there that this code needs."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Migrations:
    """The migrations of this code. What was seen applied once is not looked for again: nobody takes it back."""

    applied = False

    def missing(self) -> int:
        """How many are not applied; what newer code has applied beyond them does not matter. Raises django.db.Error."""
        if self.applied:
            return 0
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        self.applied = not missing
        return missing


migrations = Migrations()
