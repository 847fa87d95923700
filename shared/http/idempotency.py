"""Idempotency-Key: the same request with the same key gives the first answer again, and its effect happens once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import contextlib
import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat, Now
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from shared import errors
from shared.http import metrics, models, parsers, problems, renderers

KEPT = dt.timedelta(hours=24)
DECIDED = frozenset({402, 403, 404, 409})
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Location", "ETag")

Answer = Response | HttpResponse
Action = Callable[[], Answer]


class BadKey(errors.Invalid):
    code = "invalid_idempotency_key"
    detail = "An Idempotency-Key is 1 to 255 visible ASCII characters."


class KeyReused(errors.Unprocessable):
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used with another body."


class StillRunning(errors.Conflict):
    code = "still_running"
    detail = "The first request with this Idempotency-Key is still running. Repeat this one in a moment."


def key_of(request: Request) -> str | None:
    """The request's key, if it has one. Raises `BadKey`."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadKey
    return key


def once(request: Request, action: Action) -> Answer:
    """Run `action` once per key, in one transaction with its stored answer; without a key, simply in a transaction.

    Stored are successes and what the domain has decided against (402, 403, 404, 409). Raises `StillRunning` while
    the first is under way (it never waits), `KeyReused`, and what `action` raises.
    """
    key = key_of(request)
    if key is None:
        with transaction.atomic(durable=True):
            return action()
    with transaction.atomic(durable=True):
        if not _query("SELECT pg_try_advisory_xact_lock(%s)", _lock_number(request, key)):
            raise StillRunning
        return _recall(request, key) or _remember(request, key, _decided(request, action))


def across(request: Request, action: Action) -> Answer:
    """As `once`, for an action that commits in several transactions and can itself be resumed with the same key."""
    key = key_of(request)
    if key is None:
        return action()
    with _session_lock(_lock_number(request, key)):
        if earlier := _recall(request, key):
            return earlier
        # Committed before the effect begins, so that a repeat after a crash is known to ask for the same.
        _write(request, key, status=None)
        return _remember(request, key, _decided(request, action, contextlib.nullcontext))


def prune() -> None:
    """Forget answers older than a day."""
    models.IdempotentAnswer.objects.filter(created_at__lt=Now() - KEPT).delete()


def forget(user_id: uuid.UUID) -> None:
    """Empty the answers that somebody was given, and what he asked by: his account is closed, nobody asks again."""
    no_key = Concat(Value("erased-"), Cast("id", CharField()))
    emptied = {"key": no_key, "fingerprint": "", "headers": {}, "body": ""}
    models.IdempotentAnswer.objects.filter(user_id=user_id).update(**emptied)


def _decided(request: Request, action: Action, block: Callable[[], Any] = transaction.atomic) -> Answer:
    """The action's answer; a refusal that is decided undoes what the action did and is an answer too."""
    try:
        with block():
            return action()
    except errors.DomainError as error:
        if error.status not in DECIDED:
            raise
        return problems.from_error(error, request)


def _recall(request: Request, key: str) -> HttpResponse | None:
    answer = models.IdempotentAnswer.objects.filter(**_place(request, key), created_at__gte=Now() - KEPT).first()
    if answer is None:
        return None
    if answer.fingerprint != _fingerprint(request):
        raise KeyReused
    if answer.status is None:
        return None
    metrics.idempotent_replays.inc()
    kind = problems.CONTENT_TYPE if answer.status >= 400 else renderers.JSONRenderer.media_type
    replayed = {**answer.headers, "Idempotency-Replayed": "true"}
    return HttpResponse(answer.body, status=answer.status, content_type=kind, headers=replayed)


def _remember(request: Request, key: str, answer: Answer) -> Answer:
    if not (answer.status_code < 300 or answer.status_code in DECIDED):
        return answer
    body = renderers.JSONRenderer().render(answer.data) if isinstance(answer, Response) else answer.content
    headers = {name: answer[name] for name in _KEPT_HEADERS if name in answer}
    _write(request, key, status=answer.status_code, headers=headers, body=body.decode())
    return answer


def _write(request: Request, key: str, **answer: Any) -> None:
    known = {"fingerprint": _fingerprint(request), "created_at": Now(), **answer}
    models.IdempotentAnswer.objects.update_or_create(**_place(request, key), defaults=known)


def _place(request: Request, key: str) -> dict[str, Any]:
    caller: Any = request.auth  # the Identity of a layer above
    return {"user_id": caller.user_id, "method": request.method, "path": request.path.rstrip("/"), "key": key}


def _fingerprint(request: Request) -> str:
    """Of what was asked, not of how it was spaced."""
    canonical = json.dumps(request.data, sort_keys=True, default=_number)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _number(value: parsers.Number) -> dict[str, str]:
    # No member of a parsed body can have this name.
    return {"\0number": value.text}


def _lock_number(request: Request, key: str) -> int:
    digest = hashlib.sha256(repr(sorted(_place(request, key).items())).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@contextlib.contextmanager
def _session_lock(number: int) -> Iterator[None]:
    """Held by the connection, not by a transaction: it ends with the block, or with the process that dies in it."""
    if not _query("SELECT pg_try_advisory_lock(%s)", number):
        raise StillRunning
    try:
        yield
    finally:
        _query("SELECT pg_advisory_unlock(%s)", number)


def _query(statement: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [number])
        (answer,) = cursor.fetchone()
    return bool(answer)
