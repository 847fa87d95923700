"""What may not go wrong between the services: on the way out, on the way in, when it is told again, when forgotten."""

from tests.mutants.mutant import Mutant

RELAY = (
    Mutant(
        does="the relay marks before it publishes",
        file="shared/messaging/relay.py",
        old="        _say(publisher, [wire.body(row) for row in rows])",
        new="        connection.execute(_MARK, ([row.id for row in rows],))\n"
        "        _say(publisher, [wire.body(row) for row in rows])",
        check="tests/shared/messaging/test_relay.py::TestCrash::test_a_position_is_given_once_whatever_happens",
    ),
    Mutant(
        does="positions are not contiguous",
        file="shared/messaging/relay.py",
        old="SET position = position + (SELECT count(*) FROM numbered)",
        new="SET position = position + (SELECT count(*) FROM numbered) + 1",
        check="tests/shared/messaging/test_relay.py"
        "::TestBatch::test_positions_go_on_from_batch_to_batch_without_a_hole",
    ),
    Mutant(
        does="numbers are not committed before the publish",
        file="shared/messaging/relay.py",
        old="    connection.execute(_NUMBER, (limit,))",
        new="    connection.autocommit = False\n    connection.execute(_NUMBER, (limit,))",
        check="tests/shared/messaging/test_relay.py"
        "::TestBatch::test_the_commit_of_the_numbers_comes_before_the_publish",
    ),
    Mutant(
        does="rows are taken by a high-water mark",
        file="shared/messaging/relay.py",
        old="WHERE sent_at IS NULL AND position IS NULL ORDER BY id LIMIT %s",
        new="WHERE id > (SELECT coalesce(max(id), 0) FROM messaging_outboxevent WHERE position IS NOT NULL)"
        " ORDER BY id LIMIT %s",
        check="tests/shared/messaging/test_relay.py::TestConcurrentWriters::test_lose_nothing",
    ),
    Mutant(
        does="two relays lead at once",
        file="shared/messaging/leadership.py",
        old="pg_try_advisory_lock(",
        new="pg_try_advisory_lock_shared(",
        check="tests/shared/messaging/test_relay.py"
        "::TestLeadership::test_one_relays_and_a_spare_takes_over_within_two_seconds",
    ),
    Mutant(
        does="the relay never says how far its log reaches",
        file="shared/messaging/relay.py",
        old="        if announcements.are_due(sent=sent, now=time.monotonic()):",
        new="        if False:",
        check="tests/shared/messaging/test_relay.py::TestBroker::test_a_relay_at_work_says_how_far_its_log_reaches",
    ),
    Mutant(
        does="RabbitMQ's confirms are not awaited",
        file="shared/messaging/brokers/rabbitmq.py",
        old="            self._await_confirms()\n",
        new="",
        check="tests/shared/messaging/test_brokers.py"
        "::TestPublishing::test_refuses_to_call_it_sent_when_no_queue_gets_it[rabbitmq]",
    ),
    Mutant(
        does="pgmq counts as sent what did not reach every listener",
        file="shared/messaging/brokers/pgmq.py",
        old="            if missing:",
        new="            if not rows:",
        check="tests/shared/messaging/test_brokers.py"
        "::TestPublishing::test_sends_nothing_on_pgmq_when_one_of_two_queues_is_missing",
    ),
)

OUTBOX = (
    Mutant(
        does="an event is published outside of the transaction of its change",
        file="shared/messaging/outbox.py",
        old="    if not transaction.get_connection().in_atomic_block:",
        new="    if False:",
        check="tests/shared/messaging/test_outbox.py::TestPublish::test_refuses_outside_a_transaction",
    ),
    Mutant(
        does="a service says what another has to say",
        file="shared/messaging/outbox.py",
        old="    if registry.service_of(event.SOURCE) != settings.SERVICE:",
        new="    if False:",
        check="tests/shared/messaging/test_outbox.py::TestPublish::test_refuses_what_another_service_has_to_say",
    ),
)

INBOX = (
    Mutant(
        does="no inbox row keeps an event from acting twice",
        file="shared/messaging/apply.py",
        old="        if not record(envelope, consumer=consumer, outcome=outcome):",
        new="        if not record(envelope, consumer=consumer, outcome=outcome) and False:",
        check="tests/shared/messaging/test_apply.py::TestOnce::test_the_same_event_again_has_none",
    ),
    Mutant(
        does="the inbox row is written last, after the effect",
        file="shared/messaging/apply.py",
        old="        if not record(envelope, consumer=consumer, outcome=outcome):",
        new="        transaction.on_commit(lambda: record(envelope, consumer=consumer, outcome=outcome))\n"
        "        if models.InboxEvent.objects.filter(consumer=consumer, event_id=envelope.id).exists():",
        check="tests/shared/messaging/test_intake.py::TestBatch::test_again_has_no_effect",
    ),
    Mutant(
        does="versions are not compared",
        file="shared/messaging/apply.py",
        old="WHERE (known.epoch, known.version) < (excluded.epoch, excluded.version)",
        new="WHERE true",
        check="tests/shared/messaging/test_apply.py::TestNews::test_what_is_older_than_what_was_heard_has_no_effect",
    ),
    Mutant(
        does="versions are compared without the epoch of their log",
        file="shared/messaging/apply.py",
        old="WHERE (known.epoch, known.version) < (excluded.epoch, excluded.version)",
        new="WHERE known.version < excluded.version",
        check="tests/shared/messaging/test_apply.py::TestNews::test_a_newer_epoch_of_the_log_outranks_any_version",
    ),
    Mutant(
        does="the consumer acknowledges before it commits",
        file="shared/messaging/consumer.py",
        old="        if deliveries and _apply(",
        new="        if deliveries:\n            subscriber.acknowledge(deliveries)\n        if deliveries and _apply(",
        check="tests/shared/messaging/test_consumer.py"
        "::TestDatabaseAway::test_a_batch_that_was_never_applied_is_left_to_the_next_reader",
    ),
    Mutant(
        does="a batch that failed is not redone one by one",
        file="shared/messaging/intake.py",
        old=" or [_alone(message, now=now) for message in messages]:",
        new=":",
        check="tests/shared/messaging/test_intake.py::TestPoison::test_is_parked_once_however_often_it_comes",
    ),
    Mutant(
        does="the sender is not checked",
        file="shared/messaging/intake.py",
        old="        sender == registry.service_of(envelope.source)",
        new="        True",
        check="tests/shared/messaging/test_intake.py::TestForgery::test_of_a_sender_is_discarded_and_counted",
    ),
    Mutant(
        does="a batch is applied in the order of arrival",
        file="shared/messaging/intake.py",
        old="key=_place)",
        new="key=lambda _message: 0)",
        check="tests/shared/messaging/test_intake.py::TestBatch::test_is_applied_in_the_order_of_the_log",
    ),
    Mutant(
        does="a full disk parks the message that met it",
        file="shared/messaging/intake.py",
        old='("08", "53", "57P", "58")',
        new='("08", "57P", "58")',
        check="tests/shared/messaging/test_intake.py::TestPoison::test_what_fails_for_the_databases_sake_is_none",
    ),
)

REPLAY = (
    Mutant(
        does="what is missing is not asked for",
        file="shared/messaging/replay.py",
        old="    for row in progress.followed():",
        new="    for row in ():",
        check="tests/shared/messaging/test_replay.py::TestAsking::test_goes_to_the_producer_alone_and_names_the_range",
    ),
    Mutant(
        does="who was never heard is not asked",
        file="shared/messaging/replay.py",
        old="    for source in progress.unheard():",
        new="    for source in ():",
        check="tests/shared/messaging/test_replay.py"
        "::TestIntroduction::test_asks_whoever_was_never_heard_for_the_first_of_his_log",
    ),
    Mutant(
        does="what may still be on its way is asked for at once",
        file="shared/messaging/progress.py",
        old="if hole.since <= now - PATIENCE]",
        new="if hole.since <= now]",
        check="tests/shared/messaging/test_progress.py::TestPatience::test_what_is_missing_may_be_on_its_way",
    ),
    Mutant(
        does="a complete answer settles what did not arrive",
        file="shared/messaging/progress.py",
        old="        row.seen_to = max(row.seen_to, first_kept - 1)",
        new="        row.seen_to = max(row.seen_to, last_kept)",
        check="tests/shared/messaging/test_progress.py::TestSettling::test_what_is_still_kept_has_to_come",
    ),
    Mutant(
        does="a request that is merged into one half answered is forgotten",
        file="shared/messaging/replay.py",
        old="    return ReplayRequest.objects.filter(pk=request.pk, next=request.next)",
        new="    return ReplayRequest.objects.filter(pk=request.pk)",
        check="tests/shared/messaging/test_replay.py"
        "::TestAnswering::test_a_request_that_comes_while_the_last_is_answered_is_not_forgotten",
    ),
    Mutant(
        does="a request that is merged into one just answered is forgotten",
        file="shared/messaging/replay.py",
        old="        _as_it_was(request).filter(last=request.last).delete()",
        new="        _as_it_was(request).delete()",
        check="tests/shared/messaging/test_replay.py"
        "::TestAnswering::test_a_request_that_comes_while_the_last_is_called_complete_is_not_forgotten",
    ),
    Mutant(
        does="an answer is called complete before its snapshots have positions",
        file="shared/messaging/replay.py",
        old="    elif snapshots.are_numbered():",
        new="    else:",
        check="tests/orders/test_snapshots.py::TestSnapshots::test_the_answer_is_not_complete_before_they_have_positions",
    ),
)

RETENTION = (
    Mutant(
        does="what was never sent is pruned",
        file="shared/messaging/retention.py",
        old="row.sent_at is not None and row.occurred_at < before",
        new="row.occurred_at < before",
        check="tests/orders/test_snapshots.py::TestPruning::test_stops_at_the_first_that_has_to_stay",
    ),
    Mutant(
        does="the log is pruned while somebody is told again",
        file="shared/messaging/retention.py",
        old="    if own is None or ReplayRequest.objects.exists():",
        new="    if own is None:",
        check="tests/orders/test_snapshots.py::TestPruning::test_waits_while_somebody_is_told_again",
    ),
    Mutant(
        does="the inbox forgets what lies above a gap",
        file="shared/messaging/retention.py",
        old="            heard = heard.filter(position__lte=row.seen_to)",
        new="            heard = heard.all()",
        check="tests/orders/test_snapshots.py"
        "::TestPruning::test_forgets_of_the_inbox_only_what_was_followed_without_a_gap",
    ),
)

MUTANTS = (*RELAY, *OUTBOX, *INBOX, *REPLAY, *RETENTION)
