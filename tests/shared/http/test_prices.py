import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import money

REFUSED = [
    "0", "0.00", "-1", "-0.01", "-0", "1e3", "1E3", "1e-2", "1_000", "+5", "٣", "５", "１２.５０", "²", "NaN", "nan",
    "Infinity", "-Infinity", "sNaN", "", " ", "12.50 ", " 12.50", "12.", ".5", "012.50", "00", "12,50", "$12", "0x10",
    "12.5.0",
    "1000000.01", "1000001", "9" * 50, "12.505", "12.500", "1/2", "12.50\n", "true", "−5",
]  # fmt: skip
TAKEN = {"0.01": 1, "1": 100, "12.5": 1250, "12.50": 1250, "1000000": 100_000_000, "1000000.00": 100_000_000}
# As JSON numbers some of these are no JSON at all, which the parser says.
AS_NUMBERS = [text for text in REFUSED if text and all(letter in "0123456789-.eE" for letter in text)]


@pytest.mark.django_db
class TestPrice:
    def offer(self, caller, raw_price, currency='"USD"'):
        body = f'{{"title": "Hamlet", "price": {raw_price}, "currency": {currency}}}'
        return caller.post("/api/plays", body.encode())

    @pytest.mark.parametrize("text", REFUSED)
    def test_is_refused_as_a_text(self, hamlet, text):
        quoted = text.replace("\n", "\\n")
        response = self.offer(hamlet, f'"{quoted}"')

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert (error["field"], error["code"]) == ("price", "invalid_price")

    @pytest.mark.parametrize("text", AS_NUMBERS)
    def test_is_refused_as_a_number(self, hamlet, text):
        assert self.offer(hamlet, text).status_code == 400

    @pytest.mark.parametrize("raw", ["true", "false", "[]", "{}", "[12.50]", '{"amount": 1}'])
    def test_is_refused_as_another_type(self, hamlet, raw):
        response = self.offer(hamlet, raw)

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "price"

    @pytest.mark.parametrize(("text", "amount_minor"), TAKEN.items())
    @pytest.mark.parametrize("quote", ["", '"'])
    def test_is_taken_as_a_number_and_as_a_text(self, hamlet, text, amount_minor, quote):
        response = self.offer(hamlet, f"{quote}{text}{quote}")

        assert response.status_code == 201
        assert response.json()["price"] * 100 == amount_minor

    @pytest.mark.parametrize("price", ["0.1", "0.29", "1.15", "4.35", "999999.99", "8.2"])
    def test_never_was_a_float(self, hamlet, price):
        """Each of these times 100 is another number as a float."""
        shown = self.offer(hamlet, price).content.decode()

        assert f'"price":{price},' in shown

    @pytest.mark.parametrize(
        ("price", "currency", "status"),
        [
            ("500", "JPY", 201),
            ("500.0", "JPY", 400),
            ("1.505", "KWD", 201),
            ("1.5055", "KWD", 400),
            ("1.505", "USD", 400),
        ],
    )
    def test_has_no_more_decimals_than_its_currency(self, hamlet, price, currency, status):
        assert self.offer(hamlet, price, f'"{currency}"').status_code == status

    def test_is_in_dollars_unless_it_says_otherwise(self, hamlet):
        assert hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}).json()["currency"] == "USD"

    @pytest.mark.parametrize("currency", ["XXX", "usd", "US", "USDT", "Ｕ", "💰", "BTC"])
    def test_in_an_unknown_currency_is_refused(self, hamlet, currency):
        response = self.offer(hamlet, "5", f'"{currency}"')

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert (error["field"], error["code"]) == ("currency", "unknown_currency")

    @pytest.mark.parametrize("raw", ["840", "true", "null", "[]", '""'])
    def test_in_a_currency_of_another_type_is_refused(self, hamlet, raw):
        response = self.offer(hamlet, "5", raw)

        assert response.status_code == 400
        assert {error["field"] for error in response.json()["errors"]} == {"currency"}


class TestMinorUnits:
    @given(st.sampled_from(sorted(money.DECIMALS)), st.integers(1, 10**6))
    def test_come_back_as_the_price_they_were(self, currency, units):
        amount = min(units, 10**6 * 10 ** money.decimals_of(currency))

        price = money.from_minor(amount, currency)

        assert money.to_minor(money.parse(format(price, "f")), currency) == amount

    @given(st.text(max_size=12))
    def test_are_of_a_plain_ascii_number_or_of_nothing(self, text):
        try:
            price = money.parse(text)
        except money.BadPrice:
            return
        assert text.isascii()
        assert set(text) <= set("0123456789.")
        assert 0 < price <= 1_000_000

    @given(st.decimals(min_value="0.01", max_value=1_000_000, places=2))
    def test_of_every_price_with_cents_are_its_cents(self, price):
        assert money.to_minor(money.parse(str(price)), "USD") == int(price * 100)
        assert money.from_minor(int(price * 100), "USD") == decimal.Decimal(price)
