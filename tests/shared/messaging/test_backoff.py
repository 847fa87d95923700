from shared.messaging.backoff import Backoff


def test_pauses_double_up_to_five_seconds():
    backoff = Backoff()

    pauses = [backoff.next() for _ in range(10)]

    for pause, longest in zip(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5], strict=True):
        assert 0.75 * longest <= pause <= longest


def test_begins_anew_after_a_success():
    backoff = Backoff()
    for _ in range(10):
        backoff.next()

    backoff.reset()

    assert backoff.next() <= 0.1
