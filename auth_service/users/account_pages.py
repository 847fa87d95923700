"""`/account/`: where the links in mails lead. No script; each form does what the API's call of the same name does.

A GET uses no link up, for mail readers like to look at links before people do.
"""

from collections.abc import Callable
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from auth_service.users import commands, passwords, queries, serializers, throttling
from shared import clock, errors


class AddressForm(forms.Form):
    email = forms.EmailField(
        max_length=254,
        validators=[serializers.ASCII],
        widget=forms.EmailInput({"autocomplete": "username", "autofocus": True}),
    )


class PasswordForm(forms.Form):
    token = forms.CharField(max_length=120, widget=forms.HiddenInput)
    password = forms.CharField(
        label="New password",
        strip=False,
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
        validators=[passwords.check_not_common],
        widget=forms.PasswordInput({"autocomplete": "new-password", "autofocus": True}),
    )


class VerifyForm(forms.Form):
    token = forms.CharField(max_length=120, widget=forms.HiddenInput)


def _page(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    # Cross-site posts are refused by fetch metadata and origin (shared.http), for every form of this origin alike.
    return csrf_exempt(never_cache(require_http_methods(["GET", "HEAD", "POST"])(view)))


@_page
def forgot(request: HttpRequest) -> HttpResponse:
    """Ask for a link that lets one choose a new password."""
    form = AddressForm(request.POST or None)

    def ask() -> None:
        throttling.mail(request, email=form.cleaned_data["email"], now=clock.now())
        commands.request_password_reset(**form.cleaned_data, now=clock.now())

    return _show(request, "forgot", form) if request.method != "POST" else _act(request, "forgot", form, ask)


@_page
def reset(request: HttpRequest) -> HttpResponse:
    """Choose a new password with the link of a mail."""
    if request.method != "POST":
        return _open(request, "reset", PasswordForm, queries.Purpose.PASSWORD_RESET)
    form = PasswordForm(request.POST)
    return _act(request, "reset", form, lambda: commands.reset_password(**form.cleaned_data, now=clock.now()))


@_page
def verify(request: HttpRequest) -> HttpResponse:
    """Say with the link of a mail that the address is one's own."""
    if request.method != "POST":
        return _open(request, "verify", VerifyForm, queries.Purpose.EMAIL_VERIFICATION)
    form = VerifyForm(request.POST)
    return _act(request, "verify", form, lambda: commands.verify_email(**form.cleaned_data, now=clock.now()))


def _open(request: HttpRequest, name: str, form: type[forms.Form], purpose: queries.Purpose) -> HttpResponse:
    """The page of a link, or what to do where it is not good any more."""
    token = request.GET.get("token", "")
    if not queries.is_good_link(token, purpose=purpose, now=clock.now()):
        return _show(request, name, None, status=HTTPStatus.BAD_REQUEST)
    return _show(request, name, form(initial={"token": token}))


def _act(request: HttpRequest, name: str, form: forms.Form, command: Callable[[], None]) -> HttpResponse:
    """Do what the form asks for, and say so; a refusal is shown beside it."""
    if not form.is_valid():
        return _show(request, name, form, status=HTTPStatus.BAD_REQUEST)
    try:
        command()
    except errors.DomainError as error:  # a page shows the refusal beside the form; the API maps it to a problem
        form.add_error(None, error.message)
        response = _show(request, name, form, status=error.status)
        if isinstance(error, errors.TooMany | errors.Unavailable):
            response["Retry-After"] = str(error.retry_after)
        return response
    return _show(request, name, form, done=True)


def _show(
    request: HttpRequest, name: str, form: forms.Form | None, *, done: bool = False, status: int = HTTPStatus.OK
) -> HttpResponse:
    response = render(request, f"users/account/{name}.html", {"form": form, "done": done}, status=status)
    # The address holds the token; to other pages of this origin alone it may be told.
    response["Referrer-Policy"] = "same-origin"
    return response
