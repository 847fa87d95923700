"""Parked messages for people who decide on them; outbox and inbox to look at."""

import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import DurationField, ExpressionWrapper, F, Model, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from shared import read_only
from shared.contracts import registry
from shared.messaging import models, parked

_Messages = QuerySet[models.ParkedMessage]
_Item = TypeVar("_Item")

# The gateway waits 3 seconds for an answer.
_SECONDS = 2.0
_AT_ONCE = 200
_SHOWN = 100_000


class ReasonForm(forms.Form):
    """Why it is right that these messages are never applied."""

    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"size": 80}))

    def clean_reason(self) -> str:
        try:
            return models.stated(self.cleaned_data["reason"])
        except models.NoReason as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(models.ParkedMessage)
class ParkedMessageAdmin(read_only.ReadOnly):
    list_display = ("id", "type", "cause", "attempts", "age", "state", "source", "event_id")
    list_filter = ("state", "type", "source")
    search_fields = ("=event_id", "^type")
    search_help_text = "the id of an event, or the beginning of a type"
    ordering = ("-id",)
    actions = ("retry", "retry_all_of_type", "discard")

    def get_queryset(self, request: HttpRequest) -> _Messages:
        """Without payloads, of which a page of the list could hold a hundred large ones."""
        waited = ExpressionWrapper(Now() - F("parked_at"), output_field=DurationField())
        found: _Messages = super().get_queryset(request)
        return found.defer("body", "traceback").annotate(waited=waited)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The payload may tell what is not everybody's business."""
        fields = ("type", "source", "event_id", "consumer", "state", "reason", "attempts", "parked_at", "tried_at",
                  "closed_at", "error")  # fmt: skip
        return (*fields, "payload", "trace") if self.has_decide_permission(request) else fields

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may change parked messages may retry and discard them."""
        return request.user.has_perm("messaging.change_parkedmessage")

    @admin.display(description="error")
    def cause(self, message: models.ParkedMessage) -> str:
        return message.error[:100]

    @admin.display(description="waits for", ordering="-parked_at")
    def age(self, message: models.ParkedMessage) -> str:
        """By the database's clock; nothing for what waits no more."""
        if message.state != models.ParkedMessage.State.PARKED:
            return "–"
        return timesince(message.parked_at, message.parked_at + message.waited)  # type: ignore[attr-defined]

    @admin.display
    def payload(self, message: models.ParkedMessage) -> SafeString:
        text = message.text
        cut = f"{text[:_SHOWN]}\n… and {len(text) - _SHOWN} characters more"
        return format_html("<pre>{}</pre>", text if len(text) <= _SHOWN else cut)

    @admin.display(description="traceback")
    def trace(self, message: models.ParkedMessage) -> SafeString:
        return format_html("<pre>{}</pre>", message.traceback)

    @admin.action(description="Retry: apply as if it had just come", permissions=["decide"])
    def retry(self, request: HttpRequest, queryset: _Messages) -> None:
        self._retry(request, list(parked.waiting(queryset)))

    @admin.action(description="Retry all parked messages of the same types", permissions=["decide"])
    def retry_all_of_type(self, request: HttpRequest, queryset: _Messages) -> None:
        types = set(queryset.values_list("type", flat=True))
        self._retry(request, list(parked.waiting().filter(type__in=types)))

    @admin.action(description="Discard: will never be applied", permissions=["decide"])
    def discard(self, request: HttpRequest, queryset: _Messages) -> HttpResponse | None:
        """Ask for the reason, then discard."""
        chosen = list(parked.waiting(queryset)[: _AT_ONCE + 1])
        if not 0 < len(chosen) <= _AT_ONCE:
            told = f"Choose 1 to {_AT_ONCE} parked messages; for more there is: manage.py parked discard --type"
            self.message_user(request, told, messages.ERROR)
            return None
        # The list, where the action is chosen, sends no reason; the page that asks for it does.
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, chosen, form)
        self._discard(request, chosen, form.cleaned_data["reason"])
        return None

    def _ask(self, request: HttpRequest, chosen: list[models.ParkedMessage], form: ReasonForm) -> HttpResponse:
        told = {"title": "Discard parked messages", "opts": self.opts, "checkbox": helpers.ACTION_CHECKBOX_NAME}
        context = {**self.admin_site.each_context(request), **told, "chosen": chosen, "form": form}
        return TemplateResponse(request, "messaging/discard.html", context)

    def _discard(self, request: HttpRequest, chosen: list[models.ParkedMessage], reason: str) -> None:
        def record(message: models.ParkedMessage) -> None:
            self.log_change(request, message, f"Discarded: {reason}")

        count = 0
        for _ in parked.discard_each(chosen, reason=reason, record=record):
            count += 1
        self.message_user(request, f"{count} discarded", messages.SUCCESS)

    def _retry(self, request: HttpRequest, chosen: list[models.ParkedMessage]) -> None:
        """As many as there is time for."""

        def record(message: models.ParkedMessage, outcome: str) -> None:
            self.log_change(request, message, f"Retried: {parked.TOLD[outcome]}")

        outcomes: Counter[str] = Counter()
        for _, outcome in _in_time(parked.retry_each(chosen, record=record)):
            outcomes[outcome] += 1
        for outcome, count in outcomes.items():
            level = messages.ERROR if outcome == models.Outcome.PARKED else messages.SUCCESS
            self.message_user(request, f"{count} {parked.TOLD[outcome]}", level)
        if left := len(chosen) - outcomes.total():
            told = f"{left} not tried for lack of time: once more, or manage.py parked retry --type"
            self.message_user(request, told, messages.WARNING)
        if not chosen:
            self.message_user(request, "None of them is parked any more", messages.WARNING)


def _in_time(tried: Iterator[_Item]) -> Iterator[_Item]:
    deadline = time.monotonic() + _SECONDS
    for item in tried:
        yield item
        if time.monotonic() > deadline:
            return


class _TypeFilter(admin.SimpleListFilter):
    """By type, without asking the largest of tables which there are."""

    title = parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        heard = model_admin.model is models.InboxEvent
        mine = [event.TYPE for event in registry.EVENTS if (_own_source() == event.SOURCE) is not heard]
        return [(name, name) for name in sorted(mine)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        return queryset.filter(type=self.value()) if self.value() else queryset


def _own_source() -> str:
    return registry.source_of(settings.SERVICE)


class LogPage(read_only.ReadOnly):
    """Millions of rows: searched by what is indexed, counted no more than once."""

    ordering = ("-id",)
    search_fields = ("subject",)
    search_help_text = "the id of an aggregate, an event or a request, or the beginning of a type"
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exactly, for a part of an id says nothing."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(subject=term) | Q(request_id=term)
        if "." in term:
            found |= Q(type__startswith=term)
        with contextlib.suppress(ValueError):
            found |= Q(event_id=uuid.UUID(term))
        return queryset.filter(found), False


@admin.register(models.OutboxEvent)
class OutboxEventAdmin(LogPage):
    list_display = ("id", "type", "subject", "aggregate_version", "position", "occurred_at", "sent_at", "request_id")
    list_filter = (_TypeFilter, ("sent_at", admin.EmptyFieldListFilter))


@admin.register(models.InboxEvent)
class InboxEventAdmin(LogPage):
    list_display = ("id", "type", "subject", "source", "position", "outcome", "received_at", "request_id")
    list_filter = ("outcome", _TypeFilter)
