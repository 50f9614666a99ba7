"""Prices as pages write them: an amount, and a currency where that can be told."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

from price_parser.parser import parse_number

from atlas.collect.reading.currencies import CODES, MILLS, SIGN_PATTERN, WHOLE, currency_code
from atlas.collect.text import clean_text, host_of

#: Of a text that holds prices no more is read.
MAX_PRICE_CHARS = 200
MAX_NUMBERS = 12
#: A higher price is a number of something else.
MAX_AMOUNT = 1e9
#: Country endings that stores of every country use.
_NO_COUNTRY = frozenset({"co", "io", "tv", "me", "ai", "cc", "ly", "gg", "sh", "fm", "to", "eu"})

_CODE = r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])"
_NUMBER = r"\d(?:[\d.,'’]|[ \u00a0\u202f](?=\d{3}(?!\d)))*"
#: A number with what stands beside it: `USD $1,299.00`, `1.299,- €`, `12€99`, `20 %`.
_PRICE = re.compile(
    rf"(?:(?P<code>{_CODE})\s?(?:{SIGN_PATTERN}\s?)?|(?P<sign>{SIGN_PATTERN})(?:(?<=[a-zA-Z])\.)?\s?|(?<![\w.,]))"
    rf"(?P<number>\.?{_NUMBER})-{{0,2}}(?:€(?P<cents>\d\d)(?!\d)|\s?(?P<after>{SIGN_PATTERN}|{_CODE})(?!\d))?"
    r"(?P<share>\s?%)?(?P<unit>\s?/\s?(?:\d{1,4}|kg|g|l|ml|m|mo|month|piece|pc|pair)\b)?"
)
_THREE = re.compile("[A-Z]{3}")
#: Between the two ends of a range.
_RANGE = re.compile(r"\s*(?:-|–|—|~|to|bis|à|a|until)\s*")
#: Words before a number that is not what the product costs now.
_NOT_NOW = re.compile(
    r"(?:\b(?:was|were|mrp|m\.r\.p|rrp|msrp|uvp|list|regular|original|orig|instead|compare|save|saving|savings|off|statt"
    r"|retail|old|before|prev|previous|emi|sparen|avant|antes|discount)\b|au lieu de)[^\d]{0,12}$",
    re.IGNORECASE,
)


class Price(NamedTuple):
    """What a product costs; `currency` is None where the page does not say which one a sign means."""

    amount: float
    currency: str | None


@dataclass(frozen=True)
class Market:
    """What is known of a store's prices: its currency, the sign before cents, the country of the page (`in`, `us`)."""

    currency: str = ""
    decimal: Literal["auto", ".", ","] = "auto"
    country: str = ""

    def code(self, sign: object) -> str | None:
        """The ISO 4217 code that a sign, an abbreviation or a code means here, None where it is not clear."""
        return currency_code(clean_text(sign), self.currency, self.country)

    def code_in(self, text: str) -> str | None:
        """The currency of the price that a text tells."""
        found = read_price(text, self)
        return found.currency if found else None


def country_of(url: str, language: str) -> str:
    """The country that a page's host or else its language (`en-IN`) tells, as two small letters; empty for none."""
    ending = host_of(url).rpartition(".")[2]
    if len(ending) == 2 and ending not in _NO_COUNTRY:
        return ending
    region = language.replace("_", "-").rpartition("-")[2].lower()
    return region if len(region) == 2 and region != language.lower() else ""


def read_amount(value: object, market: Market, currency: str | None = None) -> float | None:
    """The amount of a price in structured data: a number, or text in which a point stands before cents.

    Three figures after the only point are thousands where the currency has no cents. None for anything that is no
    price: words, zero, less than zero, more than MAX_AMOUNT.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _sound(value)
    text = clean_text(value)[:MAX_PRICE_CHARS]
    if text.startswith("-"):
        return None
    if re.fullmatch(r"\d{1,12}(\.\d{1,12})?([eE]\+?\d)?", text) and market.decimal != ",":
        thousands = currency in WHOLE and re.fullmatch(r"\d{1,3}\.\d{3}", text)
        return _sound(float(text.replace(".", "") if thousands else text))
    found = read_price(text, market)
    return found.amount if found else None


def read_price(text: str, market: Market) -> Price | None:
    """The price that a visible text tells: the lowest of those that count now, None where it tells none.

    Shares (`20 %`) never count. Of several numbers those with a currency beside them do; numbers after words such as
    "was", "MRP" or "you save" and those for a unit (`/100 g`) only where there are no others.
    """
    text = clean_text(text)[:MAX_PRICE_CHARS]
    seen = [found for found in islice(_PRICE.finditer(text), MAX_NUMBERS) if not found["share"]]
    signed = [found for place, found in enumerate(seen) if _is_signed(text, seen[place : place + 2])] or seen
    now = [found for found in signed if not found["unit"] and not _is_past(text, found)] or signed
    sign = next(filter(None, map(_sign, [*now, *signed])), "")
    currency = market.code(sign)
    return lowest((_amount(found, market, currency), currency) for found in now)


def lowest(prices: Iterable[tuple[float | None, str | None]], preferred: str = "") -> Price | None:
    """The lowest price in the preferred currency, else in the first one named; those without any count there too."""
    known = [(amount, currency) for amount, currency in prices if amount is not None]
    currencies = [currency for _, currency in known if currency]
    chosen = preferred if preferred in currencies else next(iter(currencies), None)
    amounts = [amount for amount, currency in known if currency in (chosen, None)]
    return Price(min(amounts), chosen) if amounts else None


def _sign(found: re.Match[str]) -> str:
    code = next((found[name] for name in ("code", "after") if found[name] in CODES), "")
    after = found["after"] or ""
    return code or found["sign"] or ("" if _THREE.fullmatch(after) else after) or ("€" if found["cents"] else "")


def _is_past(text: str, found: re.Match[str]) -> bool:
    return bool(_NOT_NOW.search(text, max(0, found.start("number") - 40), found.start("number")))


def _is_signed(text: str, pair: list[re.Match[str]]) -> bool:
    """Whether a number has a currency, its own or that of the upper end of its range (`10 - 20 €`)."""
    if _sign(pair[0]):
        return True
    return len(pair) == 2 and bool(_sign(pair[1]) and _RANGE.fullmatch(text, pair[0].end(), pair[1].start()))


def _amount(found: re.Match[str], market: Market, currency: str | None) -> float | None:
    number = found["number"].rstrip(".,'’ \u00a0\u202f")
    if found["cents"]:
        return _sound(float(re.sub(r"\D", "", number) + "." + found["cents"]))
    decimal = None if market.decimal == "auto" else market.decimal
    if decimal is None and currency in MILLS and re.fullmatch(r"\d{1,3}\.\d{3}", number):
        decimal = "."
    amount = parse_number(re.sub(r"[\s'’]", "", number), decimal)
    return _sound(float(amount)) if amount is not None else None


def _sound(value: float) -> float | None:
    """The value to three figures after the point, None where no product costs that."""
    try:
        amount = round(float(value), 3)
    except OverflowError:
        return None
    return amount if math.isfinite(amount) and 0 < amount <= MAX_AMOUNT else None
