"""What staff does on the admin's pages: by role, for a reason, one command a row.

The page asks why before anything is done. The command decides whether it may be done and records who did it
(`actions.record`), in its own transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from shared import errors, read_only
from shared.identity import admin_site
from shared.messaging import timeline

AT_ONCE = 20  # more than these, each with a transaction of its own, could outlast the gateway's patience


class ReasonForm(forms.Form):
    """Why it is done: one line, kept for ever beside who did it. An action that asks more extends it."""

    reason = forms.CharField(
        max_length=200,
        widget=forms.TextInput({"size": 80, "autocomplete": "off"}),
        help_text="Kept with your name in the log of actions. Name nobody in it.",
    )

    def clean_reason(self) -> str:
        line = " ".join(self.cleaned_data["reason"].split())
        if not line.isprintable():
            raise forms.ValidationError("A reason is printable characters.")
        return line


class Reasoned:
    """A method of an admin page that does something to one row, as the action of a list and of the row's own page.

        @admin_actions.reasoned(label="Ban: refuse them everywhere", done="banned", roles=("admin", "moderator"))
        def ban(self, user, *, by, reason): commands.ban_user(user_id=user.pk, by=by, reason=reason, now=clock.now())

    Whatever else its form asks for is given to the method as well. What the method refuses (DomainError) is shown.
    """

    def __init__(
        self,
        method: Callable[..., object],
        *,
        label: str,
        done: str,
        roles: Sequence[str],
        form: Callable[..., ReasonForm] = ReasonForm,
        most: int = AT_ONCE,
    ) -> None:
        self.method, self.short_description, self.done = method, label, done
        self.roles, self.form, self.most = roles, form, most

    def __set_name__(self, _owner: type, name: str) -> None:
        self.name = name

    def __call__(self, page: "ActingPage", request: HttpRequest, rows: QuerySet[Model]) -> HttpResponse | None:
        chosen = list(rows[: self.most + 1])
        if not 0 < len(chosen) <= self.most:
            page.message_user(request, f"Choose {'one' if self.most == 1 else f'1 to {self.most}'}.", messages.ERROR)
            return None
        # The list, where the action is chosen, sends no reason; the page that asks for it does.
        form = self.form(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return page.ask(request, self, chosen, form)
        for row in chosen:
            self._do(page, request, row, form.cleaned_data)
        return admin_site.SeeOther(page.address_of(chosen[0])) if len(chosen) == 1 else None

    def _do(self, page: "ActingPage", request: HttpRequest, row: Model, asked: dict[str, Any]) -> None:
        try:
            self.method(page, row, by=request.user, **asked)
        except errors.DomainError as error:  # an interface: one refusal must not stop the others
            page.message_user(request, f"{row}: {error.message}", messages.ERROR)
        else:
            page.message_user(request, f"{row} is {self.done}.", messages.SUCCESS)


def reasoned(**options: Any) -> Callable[[Callable[..., object]], Reasoned]:
    """Make a method of an `ActingPage` an action; the options are those of `Reasoned`."""
    return lambda method: Reasoned(method, **options)


class ActingPage(read_only.ReadOnly):
    """Rows to look at, and what may be done to them: nothing by editing, all of it by `Reasoned` actions."""

    change_form_template = "identity/acting_page.html"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those for the roles that whoever is asking has now."""
        every: dict[str, Any] = super().get_actions(request)
        user: Any = request.user
        return {name: found for name, found in every.items() if user.has_role(*getattr(found[0], "roles", ()))}

    def life(self, row: Any) -> Iterable[timeline.Line]:
        """What the page of a row tells of its life."""
        return ()

    def elsewhere(self, row: Any) -> Mapping[str, str]:
        """Where more of it is to be seen, below `/admin/`."""
        return {}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs["obj"]
        context |= {
            "offered": [(name, label) for _, name, label in self.get_actions(request).values()],
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "timeline": self.life(row),
            "elsewhere": self.elsewhere(row),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def ask(self, request: HttpRequest, action: Reasoned, chosen: list[Model], form: ReasonForm) -> HttpResponse:
        """The page that asks for the reason."""
        context = {
            **self.admin_site.each_context(request),
            "title": action.short_description,
            "opts": self.opts,
            "action": action.name,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "chosen": [(row, self.address_of(row)) for row in chosen],
            "form": form,
        }
        return TemplateResponse(request, "identity/reason.html", context)

    def address_of(self, row: Model) -> str:
        """The page of one row."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[row.pk])
