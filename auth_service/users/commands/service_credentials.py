"""The secrets by which services prove to auth who they are."""

import datetime as dt
import uuid

from django.db import transaction

from auth_service.users import models
from auth_service.users.commands import people
from shared import errors
from shared.messaging import topology

_CREDENTIALS_LOCK = 0x73766373


class UnknownService(errors.NotFound):
    detail = "There is no such service."


class UnknownCredential(errors.NotFound):
    detail = "There is no such secret."


@transaction.atomic
def add_service_credential(*, service: str, secret: str, now: dt.datetime) -> models.ServiceCredential:
    """Let `service` prove itself by `secret` as well; may be repeated.

    Raises UnknownService, WeakSecret, TooManyCredentials.
    """
    if service not in topology.SERVICES:
        raise UnknownService
    people.one_at_a_time(_CREDENTIALS_LOCK)
    return models.ServiceCredential.add(service=service, secret=secret, now=now)


@transaction.atomic
def retire_service_credential(*, credential_id: uuid.UUID, now: dt.datetime) -> models.ServiceCredential:
    """Let that secret count no more. Raises UnknownCredential, NotValid."""
    credential = models.ServiceCredential.objects.select_for_update().filter(pk=credential_id).first()
    if credential is None:
        raise UnknownCredential
    credential.retire(now)
    return credential
