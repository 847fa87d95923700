"""`/admin/`: the list of the services' admins, and the sign-in form of all of them."""

from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from auth_service.users import commands, handover, passwords, throttling
from shared import clock, errors
from shared.http import paths
from shared.identity import admin_site
from shared.messaging import topology


class SignInForm(forms.Form):
    email = forms.CharField(max_length=254, widget=forms.EmailInput({"autocomplete": "username", "autofocus": True}))
    password = forms.CharField(
        max_length=passwords.MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


# Cross-site posts are refused by fetch metadata and origin (shared.http), for every form of this origin alike.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The admins for whoever is signed in, else the form; a successful sign-in goes on to `next`."""
    if request.identity is None and (resume := admin_site.resume_address(request)):  # type: ignore[attr-defined]
        return admin_site.SeeOther(resume)
    wanted = paths.parse_local(request.GET.get("next") or request.POST.get("next"))
    if request.method == "POST":
        return _sign_in(request, wanted)
    return _page(request, SignInForm(), wanted)


def _sign_in(request: HttpRequest, wanted: str | None) -> HttpResponse:
    form, now = SignInForm(request.POST), clock.now()
    if not form.is_valid():
        return _page(request, form, wanted, status=HTTPStatus.BAD_REQUEST)
    try:
        with throttling.sign_in(request, email=form.cleaned_data["email"], now=now):
            agent = request.headers.get("User-Agent", "")
            granted = commands.sign_in(**form.cleaned_data, agent=agent, now=now)
    except errors.DomainError as error:  # a page shows the refusal beside the form; the API maps it to a problem
        form.add_error(None, error.message)
        response = _page(request, form, wanted, status=error.status)
        if isinstance(error, errors.TooMany | errors.Unavailable):
            response["Retry-After"] = str(error.retry_after)
        return response
    return handover.welcome(admin_site.SeeOther(wanted or admin_site.SIGN_IN), granted)


def _page(request: HttpRequest, form: SignInForm, wanted: str | None, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "next": wanted or "", "admins": topology.SERVICES}
    return render(request, "users/home.html", context, status=status)
