"""Addresses that are the same with and without the trailing slash, without a redirect that would lose a POST."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path


def path_either(route: str, view: Callable[..., HttpResponseBase], *, name: str, **kwargs: Any) -> list[URLPattern]:
    """URL patterns of `route` (no slash at its end) and of `route/`; the first is what `reverse` gives."""
    return [path(route, view, kwargs, name=name), path(f"{route}/", view, kwargs)]
