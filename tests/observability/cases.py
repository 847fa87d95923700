"""For each alert, minute by minute: a past in which it must fire, what it then says, and one in which it must not.

A series is written as promtool reads it: `0+2x30` is 0, 2, 4, … for thirty minutes, `0x30` stays 0, `_` is a gap.
"""

import dataclasses
from collections.abc import Mapping

Series = Mapping[str, str]

WEB, MESSAGING = 'kind="web",instance="w:1"', 'kind="messaging",instance="m:1"'


def of(service: str, metric: str, labels: str = "") -> str:
    return f'{metric}{{service="{service}"{labels and ","}{labels}}}'


def requests(*, good: str, bad: str) -> Series:
    metric = "http_server_request_duration_seconds_count"
    return {
        of("orders", metric, f'{WEB},http_response_status_code="201"'): good,
        of("orders", metric, f'{WEB},http_response_status_code="503"'): bad,
    }


def answers(*, within_a_second: str, later: str) -> Series:
    """Counts of the two buckets around one second."""
    metric = "http_server_request_duration_seconds_bucket"
    return {
        of("orders", metric, f'{WEB},le="1.0"'): within_a_second,
        of("orders", metric, f'{WEB},le="2.5"'): later,
        of("orders", metric, f'{WEB},le="+Inf"'): later,
    }


def ups(*, web: str, messaging: str = "1x40") -> Series:
    return {of("orders", "up", WEB): web, of("orders", "up", MESSAGING): messaging}


def level(service: str, metric: str, values: str, labels: str = "") -> Series:
    """What both messaging processes of a service read in its database."""
    return {
        of(service, metric, f'kind="messaging",instance="m:{number}"{labels and ","}{labels}'): values
        for number in (1, 2)
    }


def waiting(what: str, values: str) -> Series:
    return level("payments", "payments_oldest_unfinished_seconds", values, f'waiting_for="{what}"')


def sign_ins(*, succeeded: str, refused: str) -> Series:
    return {
        of("auth", "auth_sign_ins_total", f'{WEB},outcome="succeeded"'): succeeded,
        of("auth", "auth_sign_ins_total", f'{WEB},outcome="refused"'): refused,
    }


def workers(*, parent: str, others: str) -> Series:
    """What gunicorn's first process and one that it forked say of when they last read."""
    metric = "identity_state_last_read_timestamp_seconds"
    return {of("orders", metric, f'{WEB},pid="1"'): parent, of("orders", metric, f'{WEB},pid="2"'): others}


def tasks(*, succeeded: str, failed: str) -> Series:
    labels = 'kind="worker",instance="k:1",name="payments.settle_payments"'
    return {
        of("payments", "up", WEB): "1x40",
        of("payments", "celery_task_succeeded_total", labels): succeeded,
        of("payments", "celery_task_failed_total", labels): failed,
    }


def calls(*, answered: str, silent: str) -> Series:
    metric = "payment_provider_request_duration_seconds_count"
    return {
        of("payments", metric, f'{WEB},provider="stripe",operation="authorize",outcome="authorized"'): answered,
        of("payments", metric, f'{WEB},provider="stripe",operation="authorize",outcome="no_answer"'): silent,
    }


def node(metric: str, values: str) -> Series:
    return {of("rabbitmq", metric, 'instance="r:15692"'): values}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    alert: str
    fires: Series
    says: str
    silent: Series
    labels: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"service": "orders"})
    """What the alert is labelled with, beside its severity."""
    at: str = "20m"


AUTH, PAYMENTS, NOBODY = {"service": "auth"}, {"service": "payments"}, dict[str, str]()

CASES = (
    Case(
        alert="ErrorsBurningFast",
        fires=requests(good="0+95x90", bad="0+5x90"),
        says="orders answers 5% of its requests with a 5xx.",
        silent=requests(good="0+995x90", bad="0+5x90"),
        at="80m",
    ),
    Case(
        alert="ErrorsBurningSlowly",
        fires=requests(good="0+99x500", bad="0+1x500"),
        says="orders has answered 1% of its requests with a 5xx for hours.",
        silent=requests(good="0+995x500", bad="0+5x500"),
        at="480m",
    ),
    Case(
        alert="AnswersSlow",
        fires=answers(within_a_second="0+50x60", later="0+100x60"),
        says="One in twenty answers of orders takes more than 2.35s.",
        silent=answers(within_a_second="0+96x60", later="0+100x60"),
        at="40m",
    ),
    Case(
        alert="ServiceDown",
        fires=ups(web="1x10 0x20"),
        says="No web process of orders answers.",
        silent=ups(web="1x40", messaging="0x40"),
    ),
    Case(
        alert="ServiceDown",
        fires=ups(web="1x5 stale"),
        says="No web process of orders answers.",
        silent=ups(web="0x18 1x10"),
    ),
    Case(
        alert="TargetDown",
        fires=ups(web="1x40", messaging="1x5 0x20"),
        says="orders messaging at m:1 is not to be scraped.",
        silent=ups(web="1x17 0x2 1x10"),
        labels={"service": "orders", "kind": "messaging", "instance": "m:1"},
    ),
    Case(
        alert="ProcessRestarting",
        fires={of("orders", "process_start_time_seconds", WEB): "1x5 2x5 3x5 4x20"},
        says="orders web at w:1 was started 3 times in half an hour.",
        silent={of("orders", "process_start_time_seconds", WEB): "1x5 2x5 3x20"},
        labels={"service": "orders", "kind": "web", "instance": "w:1"},
    ),
    Case(
        alert="DatabaseAway",
        fires=level("orders", "database_up", "1x5 0x30"),
        says="The database of orders does not answer.",
        silent={**level("orders", "database_up", "0x40"), of("orders", "database_up", 'instance="m:1"'): "1x40"},
    ),
    Case(
        alert="DatabaseConnectionsScarce",
        fires={
            **level("orders", "pg_stat_database_numbackends", "90x40", 'datname="orders"'),
            **level("orders", "pg_settings_max_connections", "100x40"),
        },
        says="90% of the connections to the database of orders are taken.",
        silent={
            **level("orders", "pg_stat_database_numbackends", "70x40", 'datname="orders"'),
            **level("orders", "pg_settings_max_connections", "100x40"),
        },
    ),
    Case(
        alert="TransactionOpenTooLong",
        fires=level("orders", "pg_stat_activity_max_tx_duration", "0+60x40", 'datname="orders"'),
        says="A transaction in the database of orders has been open for 20m 0s.",
        silent=level("orders", "pg_stat_activity_max_tx_duration", "200x40", 'datname="orders"'),
    ),
    Case(
        alert="OutboxStuck",
        fires=level("orders", "messaging_outbox_oldest_unsent_seconds", "0x10 0+60x20"),
        says="An event of orders has waited for the broker for 9m 0s.",
        silent=level("orders", "messaging_outbox_oldest_unsent_seconds", "30x40"),
    ),
    Case(
        alert="RelayLeaderAbsent",
        fires={**ups(web="1x40"), **level("orders", "messaging_relay_leader", "0x40")},
        says="No messaging process of orders relays its events.",
        silent={
            **ups(web="1x40"),
            of("orders", "messaging_relay_leader", 'instance="m:1"'): "0x40",
            of("orders", "messaging_relay_leader", 'instance="m:2"'): "1x40",
        },
    ),
    Case(
        alert="RelayLeaderAbsent",
        fires=ups(web="1x40"),
        says="No messaging process of orders relays its events.",
        silent={**ups(web="1x40"), **level("orders", "messaging_relay_leader", "1x18 0x2 1x20")},
    ),
    Case(
        alert="ConsumerLagNotShrinking",
        fires=level("orders", "messaging_consumer_lag", "0x28 7x40", 'source="/tickets"'),
        says="orders is 7 events of /tickets behind and does not catch up.",
        silent=level("orders", "messaging_consumer_lag", "0x5 900-10x40", 'source="/tickets"'),
        labels={"service": "orders", "source": "/tickets"},
        at="40m",
    ),
    Case(
        alert="ProducerNotHeard",
        fires=level("orders", "messaging_last_heard_timestamp_seconds", "0+60x10 600x30", 'source="/tickets"'),
        says="orders has heard nothing of /tickets for 30m 0s.",
        # A minute late is not silent, nor is who speaks again.
        silent=level("orders", "messaging_last_heard_timestamp_seconds", "0x3 240+60x40", 'source="/tickets"'),
        labels={"service": "orders", "source": "/tickets"},
        at="40m",
    ),
    Case(
        alert="MessagesParked",
        fires={
            **level("orders", "messaging_parked", "2x40", 'type="ticket.updated"'),
            **level("orders", "messaging_parked_alarm_threshold", "2x40"),
        },
        says="2 messages of orders could not be applied.",
        silent={
            **level("orders", "messaging_parked", "1x40", 'type="ticket.updated"'),
            **level("orders", "messaging_parked_alarm_threshold", "2x40"),
        },
    ),
    Case(
        alert="ReplayPending",
        fires=level("orders", "messaging_replay_pending", "1x40"),
        says="orders has been asked to tell events again, and has not for a quarter of an hour.",
        silent=level("orders", "messaging_replay_pending", "1x5 0x1 1x30"),
    ),
    Case(
        alert="RecoveringTooLong",
        fires=level("orders", "messaging_recovering", "1x40"),
        says="orders was restored and has refused writes for ten minutes.",
        silent=level("orders", "messaging_recovering", "1x15 0x20"),
    ),
    Case(
        alert="SweepsFailing",
        fires={of("orders", "messaging_sweeps_total", f'{MESSAGING},sweep="expire",result="failed"'): "0+1x40"},
        says="expire of orders fails again and again.",
        silent={of("orders", "messaging_sweeps_total", f'{MESSAGING},sweep="expire",result="failed"'): "0x15 1x20"},
        labels={"service": "orders", "sweep": "expire"},
    ),
    Case(
        alert="SigningKeysMissing",
        fires=level("orders", "identity_signing_keys_held", "0x40"),
        says="orders holds no signing key and lets nobody in.",
        silent=level("orders", "identity_signing_keys_held", "1x40"),
    ),
    Case(
        alert="SigningKeysNotFetched",
        fires={of("orders", "identity_key_fetches_total", f'{MESSAGING},outcome="succeeded"'): "0x4 1x4 2x4 3x40"},
        says="orders has not got the signing keys from auth for a quarter of an hour.",
        silent={of("orders", "identity_key_fetches_total", f'{MESSAGING},outcome="succeeded"'): "1x4 2x4 3x4 4x4 5x20"},
        at="30m",
    ),
    Case(
        alert="SigningKeyOverdue",
        fires={
            **level("auth", "auth_signing_key_age_seconds", "7900000x40"),
            **level("auth", "auth_signing_key_life_seconds", "7776000x40"),
        },
        says="The current signing key should have been replaced a day ago.",
        silent={
            **level("auth", "auth_signing_key_age_seconds", "7900000x40"),
            **level("auth", "auth_signing_key_life_seconds", "0x40"),
        },
        labels=AUTH,
    ),
    Case(
        alert="RevocationsStale",
        fires={of("orders", "identity_state_last_read_timestamp_seconds", WEB): "0+60x10 600x30"},
        says="orders at w:1 has not read bans and ended sessions for 10m 0s.",
        silent={
            of("orders", "identity_state_last_read_timestamp_seconds", WEB): "0+60x40",
            of("auth", "identity_state_last_read_timestamp_seconds", WEB): "0x40",
        },
        labels={"service": "orders", "kind": "web", "instance": "w:1"},
    ),
    Case(
        alert="RevocationsStale",
        fires={
            **workers(parent="0x40", others="0+60x40"),
            of("orders", "identity_state_last_read_timestamp_seconds", f'{WEB},pid="3"'): "0+60x10 600x30",
        },
        says="orders at w:1 has not read bans and ended sessions for 10m 0s.",
        silent=workers(parent="0x40", others="0+60x40"),
        labels={"service": "orders", "kind": "web", "instance": "w:1"},
    ),
    Case(
        alert="SignInsRefused",
        fires=sign_ins(succeeded="0+6x40", refused="0+120x40"),
        says="2 sign-ins a second are refused; somebody guesses passwords.",
        silent=sign_ins(succeeded="0+60x40", refused="0+120x40"),
        labels=AUTH,
    ),
    Case(
        alert="TasksNotRunning",
        fires=tasks(succeeded="0+60x14 840x30", failed="0x50"),
        says="The worker of payments has run no task for five minutes.",
        silent=tasks(succeeded="0x40", failed="0+60x40"),
        labels=PAYMENTS,
    ),
    Case(
        alert="TasksNotRunning",
        fires=tasks(succeeded="0+60x14 stale", failed="0x14 stale"),
        says="The worker of payments has run no task for five minutes.",
        silent=ups(web="1x40"),  # orders has none
        labels=PAYMENTS,
    ),
    Case(
        alert="TasksFailing",
        fires=tasks(succeeded="0+30x40", failed="0+30x40"),
        says="payments.settle_payments fails again and again.",
        silent=tasks(succeeded="0+60x40", failed="0x15 2x20"),
        labels={"service": "payments", "name": "payments.settle_payments"},
    ),
    Case(
        alert="MailNotSent",
        fires=level("auth", "auth_mail_overdue_seconds", "0+60x40", 'mail="password_reset"'),
        says="Mail waits, or the mail server takes none.",
        silent=level("auth", "auth_mail_overdue_seconds", "60x40", 'mail="password_reset"'),
        labels=AUTH,
    ),
    Case(
        alert="MailNotSent",
        fires=level("auth", "auth_mail_failing", "40x40"),
        says="Mail waits, or the mail server takes none.",
        silent=level("auth", "auth_mail_failing", "1x40"),  # an address that is none
        labels=AUTH,
    ),
    Case(
        alert="OrdersPastWindow",
        fires=level("orders", "orders_oldest_overdue_seconds", "0+60x40"),
        says="An unpaid order has held its ticket for 20m 0s longer than it may.",
        silent=level("orders", "orders_oldest_overdue_seconds", "2x40"),
    ),
    Case(
        alert="PaymentsUnanswered",
        fires=waiting("answer", "0+60x40"),
        says="Whether a payment was authorized has not been known for 20m 0s.",
        silent=waiting("answer", "60x40"),
        labels=PAYMENTS,
    ),
    Case(
        alert="PaymentsUndecided",
        fires=waiting("order", "0+60x40"),
        says="An authorized payment has waited for its order for 20m 0s.",
        silent=waiting("order", "60x40"),
        labels=PAYMENTS,
    ),
    Case(
        alert="SettlementOverdue",
        fires=waiting("capture", "0+60x40"),
        says="The capture of a payment is 20m 0s late.",
        silent=waiting("order", "0+60x40"),
        labels={"service": "payments", "waiting_for": "capture"},
    ),
    Case(
        alert="PaymentProviderFailing",
        fires=calls(answered="0+60x40", silent="0+60x40"),
        says="stripe does not answer 50% of what it is asked.",
        silent=calls(answered="0+60x40", silent="0+6x40"),
        labels={"provider": "stripe"},
    ),
    Case(
        alert="BrokerDown",
        fires=node("up", "1x5 0x30"),
        says="No RabbitMQ node answers. Requests are served; nothing is heard.",
        silent={**node("up", "0x40"), of("rabbitmq", "up", 'instance="r2:15692"'): "1x40"},
        labels=NOBODY,
    ),
    Case(
        alert="BrokerDown",
        fires=ups(web="1x40"),
        says="No RabbitMQ node answers. Requests are served; nothing is heard.",
        silent=node("up", "1x40"),
        labels={"service": "rabbitmq"},
    ),
    Case(
        alert="BrokerBlocked",
        fires=node("rabbitmq_alarms_free_disk_space_watermark", "1x40"),
        says="RabbitMQ at r:15692 is short of memory or disk and takes no message.",
        silent=node("rabbitmq_alarms_free_disk_space_watermark", "0x40"),
        labels={"instance": "r:15692"},
    ),
    Case(
        alert="BrokerBlocked",
        fires=node("rabbitmq_alarms_memory_used_watermark", "1x40"),
        says="RabbitMQ at r:15692 is short of memory or disk and takes no message.",
        silent=node("rabbitmq_alarms_memory_used_watermark", "0x40"),
        labels={"instance": "r:15692"},
    ),
    Case(
        alert="BrokerDiskLow",
        fires={
            **node("rabbitmq_disk_space_available_bytes", "1073741824x40"),
            **node("rabbitmq_disk_space_available_limit_bytes", "1000000000x40"),
        },
        says="RabbitMQ at r:15692 has 1GiB of disk left.",
        silent={
            **node("rabbitmq_disk_space_available_bytes", "9000000000x40"),
            **node("rabbitmq_disk_space_available_limit_bytes", "1000000000x40"),
        },
        labels={"service": "rabbitmq", "instance": "r:15692"},
    ),
    Case(
        alert="RulesFailing",
        fires={of("prometheus", "prometheus_rule_evaluation_failures_total"): "0+4x40"},
        says="Prometheus cannot evaluate some of these rules, and would be silent about them.",
        silent={of("prometheus", "prometheus_rule_evaluation_failures_total"): "3x40"},
        labels=NOBODY,
    ),
)
