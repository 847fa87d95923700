"""What is listed as lost by a restore, and what is not."""

import pytest

from deploy.local import rewound
from deploy.local.rewound import State

COMPLETE, OPEN, EXPIRED = State(2, "complete"), State(1, "awaiting_payment"), State(2, "expired")


@pytest.fixture
def memories():
    return rewound.Memories(since=3)


def lost(memories, **found):
    return [(one.id, one.was, one.now, one.known_to) for one in memories.missing_from(found, noun="order")]


class TestMemories:
    def test_list_what_is_unknown_now(self, memories):
        memories.add("hamlet", epoch=3, state=OPEN, known_to="tickets")

        assert lost(memories) == [("hamlet", OPEN, None, ("tickets",))]

    def test_list_what_was_further(self, memories):
        memories.add("hamlet", epoch=3, state=COMPLETE, known_to="tickets")

        assert lost(memories, hamlet=OPEN) == [("hamlet", COMPLETE, OPEN, ("tickets",))]

    def test_list_what_has_come_out_otherwise(self, memories):
        memories.add("hamlet", epoch=3, state=COMPLETE, known_to="tickets")

        assert lost(memories, hamlet=EXPIRED)

    @pytest.mark.parametrize("found", [COMPLETE, State(3, "refunded")])
    def test_do_not_list_what_is_as_it_was_or_further(self, memories, found):
        memories.add("hamlet", epoch=3, state=COMPLETE, known_to="tickets")

        assert not lost(memories, hamlet=found)

    def test_believe_whoever_knows_the_newest_and_name_all_who_do(self, memories):
        memories.add("hamlet", epoch=3, state=COMPLETE, known_to="the old orders")
        memories.add("hamlet", epoch=3, state=OPEN, known_to="tickets")
        memories.add("hamlet", epoch=3, state=COMPLETE, known_to="payments")

        assert lost(memories) == [("hamlet", COMPLETE, None, ("the old orders", "payments"))]

    def test_forget_what_an_earlier_restore_has_lost(self, memories):
        memories.add("hamlet", epoch=2, state=COMPLETE, known_to="tickets")

        assert not lost(memories)

    def test_compare_no_versions_of_different_epochs(self, memories):
        """A dump of before an earlier restore may have a higher version of what was acknowledged after it."""
        memories.add("hamlet", epoch=4, state=OPEN, known_to="tickets")

        assert lost(memories, hamlet=State(5, "refunded"))
        assert not lost(memories, hamlet=OPEN)


def test_those_who_listen_are_asked():
    assert {"tickets", "payments"} <= set(rewound.listeners("orders"))
    assert {"tickets", "orders", "payments"} <= set(rewound.listeners("auth"))
    assert "auth" not in rewound.listeners("orders")


def test_nobody_to_ask_is_a_refusal():
    nowhere = dict.fromkeys(rewound.AGGREGATES, "postgres://nobody@127.0.0.1:9/nothing")

    with pytest.raises(rewound.Refusal, match="which epoch"):
        rewound.ask("orders", dsns=nowhere, since=1)
