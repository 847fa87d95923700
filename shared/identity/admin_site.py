"""The Django admin of a service: who enters is decided by the access token and the service's copy of users."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import sites
from django.db.models.base import ModelBase
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from shared.identity import cookies, models, tokens

SIGN_IN = "/admin/"
RESUME = "/api/users/resume"


CSRF_FIELD = "csrfmiddlewaretoken"


class SeeOther(HttpResponseRedirect):
    status_code = 303


class Site(admin.AdminSite):
    """`admin.site` of every service, mounted at `/admin/<service>/`.

    Nobody → 303, to have the session renewed or to the sign-in page, but for a form, which is shown again as typed
    (401); signed in but not staff → a 403 page (a redirect would loop); staff by the token but not in the copy yet →
    a 503 page that tries again.
    """

    enable_nav_sidebar = False
    site_url = SIGN_IN

    @property
    def site_header(self) -> str:  # type: ignore[override]
        return f"Admit One: {settings.SERVICE}"

    @property
    def site_title(self) -> str:  # type: ignore[override]
        return self.site_header

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django's, without the groups that `django.contrib.auth` brings: permissions come from roles."""
        given: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        super().register([model for model in given if model._meta.label != "auth.Group"], admin_class, **options)

    def get_urls(self) -> list[Any]:
        """As Django's, without the way to an object's page on the site: ours have none, and a malformed id is a 500."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def has_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, models.Account) and request.user.is_staff

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return self.refusal(request) or inner(request, *args, **kwargs)

        return functools.update_wrapper(guarded, inner)

    def refusal(self, request: HttpRequest) -> HttpResponse | None:
        """The answer for somebody who may not enter; None for staff."""
        if self.has_permission(request):
            return None
        identity: tokens.Identity | None = request.identity  # type: ignore[attr-defined]
        if identity is None:
            return _way_in(request)
        if isinstance(request.user, models.Account) or models.STAFF_ROLES.isdisjoint(identity.roles):
            return _page(request, "identity/not_staff.html", status=403)
        answer = _page(request, "identity/not_yet.html", status=503)
        answer["Retry-After"] = answer["Refresh"] = "1"
        return answer

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self.refusal(request) or SeeOther(f"{SIGN_IN}{settings.SERVICE}/")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return SeeOther(SIGN_IN)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        raise Http404

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        raise Http404


site = sites.site
"""The one site of this process; which class it has is said by `admin_app.AdminConfig`."""


def resume_address(request: HttpRequest) -> str | None:
    """Where a page request of nobody goes to come back as somebody; None where there is no use in that."""
    if request.method not in ("GET", "HEAD") or not cookies.is_worth_resuming(request):
        return None
    return _leading_back(RESUME, request.get_full_path())


def sign_in_address(wanted: str) -> str:
    """The sign-in page, which leads on to `wanted`, a path of this origin."""
    return _leading_back(SIGN_IN, wanted)


def _leading_back(address: str, wanted: str) -> str:
    return f"{address}?next={quote(wanted, safe='/')}"


def _way_in(request: HttpRequest) -> HttpResponse:
    if request.method in ("GET", "HEAD"):
        return SeeOther(resume_address(request) or sign_in_address(request.get_full_path()))
    # That the form is ours is proven by its CSRF token, checked before any view.
    typed = [(name, value) for name, values in request.POST.lists() for value in values if name != CSRF_FIELD]
    answer = TemplateResponse(request, "identity/again.html", {"typed": typed}, status=401)
    answer["WWW-Authenticate"] = tokens.CHALLENGE
    return answer


def _page(request: HttpRequest, template: str, *, status: int) -> TemplateResponse:
    return TemplateResponse(request, template, {"service": settings.SERVICE}, status=status)
