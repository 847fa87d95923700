"""A page of Django's admin that shows rows and changes none."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

# Of a filter that is shown; another could make the database's answer tell what the page does not show.
_ASKED = frozenset({"", "exact", "in", "isnull", "isempty", "gt", "gte", "lt", "lte", "year", "month", "day"})


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to look at: state is changed through commands, never by editing a field."""

    actions: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what a filter of the page asks: Django lets an address ask about any column, hidden ones too."""
        name, _, asked = lookup.partition("__")
        return name in self._filtered() and asked in _ASKED

    def _filtered(self) -> set[str]:
        named = [entry[0] if isinstance(entry, tuple) else entry for entry in self.list_filter]
        return {name if isinstance(name, str) else getattr(name, "parameter_name", "") for name in named}
