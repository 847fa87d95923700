"""What may not go wrong in the services: with tickets, orders, money, and with those who may no longer come in."""

from tests.mutants.mutant import Mutant

TICKETS = (
    Mutant(
        does="a ticket is released without comparing the order",
        file="tickets_service/tickets/models.py",
        old="        return self.order_id is not None and self.order_id == order_id",
        new="        return self.order_id is not None",
        check="tests/tickets/test_commands.py"
        "::TestReleaseTicket::test_never_frees_what_somebody_else_has_reserved_since",
    ),
    Mutant(
        does="a ticket is reserved without its row's lock",
        file="tickets_service/tickets/models.py",
        old="        return self.select_for_update()",
        new="        return self",
        check="tests/tickets/test_races.py::TestTenReservationsAtOnce::test_are_one_holder_and_nine_refusals",
        tries=3,
    ),
    Mutant(
        does="a ticket is reserved at a price its buyer has not seen",
        file="tickets_service/tickets/models.py",
        old="        if (amount_minor, currency) != (self.amount_minor, self.currency):",
        new="        if False:",
        check="tests/tickets/test_commands.py"
        "::TestReserveTicket::test_refuses_only_another_price_whatever_else_was_edited",
    ),
)

ORDERS = (
    Mutant(
        does="an order is completed after its window",
        file="orders_service/orders/models.py",
        old="        if now >= self.expires_at:",
        new="        if False:",
        check="tests/orders/test_commands.py::TestCompleteOrder::test_refuses_at_the_very_end_of_the_window",
    ),
    Mutant(
        does="a paid order expires",
        file="orders_service/orders/models.py",
        old="    UNPAID: ClassVar = (Status.CREATED, Status.AWAITING_PAYMENT)",
        new="    UNPAID: ClassVar = (Status.CREATED, Status.AWAITING_PAYMENT, Status.COMPLETE)",
        check="tests/orders/test_commands.py::TestExpireOrders::test_ends_only_what_is_overdue_and_unpaid",
    ),
    Mutant(
        does="an order is cancelled and paid without its row's lock",
        file="orders_service/orders/models.py",
        old="        return self.select_for_update()",
        new="        return self",
        check="tests/orders/test_races.py::TestACancellationDuringPayment::test_wins_or_loses_but_never_both",
        tries=3,
    ),
    Mutant(
        does="the database lets a ticket have a second live order",
        file="orders_service/orders/migrations/0001_initial.py",
        old="('created', 'awaiting_payment', 'complete'))), fields=('ticket_id',)",
        new="('created',))), fields=('ticket_id',)",
        check="tests/orders/test_api.py"
        "::TestPlace::test_refuses_a_ticket_with_a_live_order_though_the_copy_says_on_sale",
    ),
)

PAYMENTS = (
    Mutant(
        does="the provider is called inside of a transaction",
        file="payments_service/payments/commands.py",
        old="def authorize_payment(",
        new="@transaction.atomic\ndef authorize_payment(",
        check="tests/payments/test_provider.py::TestTransactions::test_are_over_before_the_provider_is_asked",
        by="payments_service.payments.providers.port.CalledInTransaction",
    ),
    Mutant(
        does="money is taken before it is decided",
        file="payments_service/payments/models.py",
        old="        return self.status == self.Status.AUTHORIZED and self.decision != self.Decision.NONE",
        new="        return self.status == self.Status.AUTHORIZED",
        check="tests/payments/test_provider.py::TestSettling::test_takes_no_money_before_it_is_decided",
    ),
    Mutant(
        does="a completed order captures another payment than the one that bought",
        file="payments_service/payments/commands.py",
        old='        bought = order.status == "complete" and order.payment_id == payment.id',
        new='        bought = order.status == "complete"',
        check="tests/payments/test_commands.py::TestKeepOrder::test_voids_a_payment_that_did_not_buy",
    ),
    Mutant(
        does="a captured payment is voided",
        file="payments_service/payments/models.py",
        old='        self._demand(self.Status.AUTHORIZED, asked="voided")',
        new='        self._demand(self.Status.AUTHORIZED, self.Status.CAPTURED, asked="voided")',
        check="tests/payments/test_machine.py::test_what_has_ended_stays_as_it_is",
    ),
    Mutant(
        does="the database lets an order have a second live payment",
        file="payments_service/payments/migrations/0001_initial.py",
        old="('requested', 'unknown', 'authorized', 'captured'))), fields=('order_id',)",
        new="('requested', 'unknown', 'authorized'))), fields=('order_id',)",
        check="tests/payments/test_machine.py"
        "::TestDatabaseEvenWhenTheCodeIsWrong::test_refuses_a_second_live_payment_of_an_order",
    ),
)

IDENTITY = (
    Mutant(
        does="a ban is not seen by the verifier",
        file="shared/identity/state.py",
        old="        return not active or identity.issued_at <= valid_after",
        new="        return identity.issued_at <= valid_after",
        check="tests/shared/identity/test_state.py"
        "::TestReading::test_a_ban_is_obeyed_within_a_second_and_a_reinstatement_lets_new_tokens_in",
    ),
    Mutant(
        does="a revoked session is let in",
        file="shared/identity/state.py",
        old="        if identity.session_id in self.revoked:",
        new="        if False:",
        check="tests/shared/identity/test_state.py::TestReading::test_a_revoked_session_is_refused_within_a_second",
    ),
)

MUTANTS = (*TICKETS, *ORDERS, *PAYMENTS, *IDENTITY)
