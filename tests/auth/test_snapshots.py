"""Every account can be told whole, a banned or closed one as what it is."""

import pytest
from django.db import transaction

from auth_service.users import commands, models
from shared import clock
from shared.messaging import snapshots
from tests.auth import world


@pytest.mark.django_db
def test_an_account_is_told_as_it_stands(elsinore):
    world.sign_up(world.HAMLET)
    world.sign_up(world.OPHELIA)
    ophelia = models.User.with_email(world.OPHELIA)
    commands.ban_user(user_id=ophelia.pk, now=clock.now())

    with transaction.atomic():
        told = {event.email: event for event in snapshots.page(after=None, most=10)}

    assert told[world.HAMLET].active
    banned = told[world.OPHELIA]
    assert (banned.active, banned.version) == (False, 1)
    assert banned.tokens_valid_after == models.User.objects.get(pk=ophelia.pk).tokens_valid_after
