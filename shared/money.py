"""Money: counted in minor units inside, written as a decimal number outside, never a float in between."""

import decimal
import re
from typing import Final

from shared import errors

DEFAULT_CURRENCY: Final = "USD"
MOST: Final = decimal.Decimal(1_000_000)

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP "
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB "
    "TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG"
)
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

DECIMALS: Final[dict[str, int]] = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
"""The number of decimals of each currency that is accepted (ISO 4217)."""

_PRICE = re.compile(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,10})?")


class BadPrice(errors.Invalid):
    code = "invalid_price"


class UnknownCurrency(errors.Invalid):
    code = "unknown_currency"
    detail = "This currency is not known. Use a code of ISO 4217, such as USD."


def parse(text: str) -> decimal.Decimal:
    """A price as somebody wrote it: plain ASCII digits, 0 < price ≤ 1 000 000. Raises `BadPrice`."""
    if not _PRICE.fullmatch(text):
        raise BadPrice("A price is a plain decimal number, such as 12.50.", field="price")
    price = decimal.Decimal(text)
    if not 0 < price <= MOST:
        raise BadPrice(f"A price is more than 0 and at most {MOST}.", field="price")
    return price


def to_minor(price: decimal.Decimal, currency: str) -> int:
    """The price in minor units: 12.50 USD is 1250. Raises `UnknownCurrency`, and `BadPrice` for too many decimals."""
    decimals = decimals_of(currency)
    exponent = price.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > decimals:
        raise BadPrice(f"A price in {currency} has at most {decimals} decimals.", field="price")
    return int(price.scaleb(decimals))


def from_minor(amount_minor: int, currency: str) -> decimal.Decimal:
    """The price of so many minor units: 1250 USD is 12.50."""
    return decimal.Decimal(amount_minor).scaleb(-decimals_of(currency))


def decimals_of(currency: str) -> int:
    """How many decimals a currency has. Raises `UnknownCurrency`."""
    try:
        return DECIMALS[currency]
    except KeyError as error:
        raise UnknownCurrency(field="currency") from error
