"""Which currency a sign, an abbreviation or a code means, and where that cannot be said."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: The codes of ISO 4217 that prices are in.
CODES = frozenset(
    re.findall(
        "[A-Z]{3}",
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD "
        "HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD "
        "LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK "
        "PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT "
        "TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG",
    )
)
#: Currencies without cents: a point in their prices stands between thousands.
WHOLE = frozenset({"JPY", "KRW", "VND", "IDR", "CLP", "ISK", "HUF", "COP", "PYG", "TWD", "UGX", "XAF", "XOF"})
#: Currencies with thousandths.
MILLS = frozenset({"KWD", "BHD", "OMR", "JOD", "TND", "IQD", "LYD"})

#: Signs and abbreviations that mean one currency.
_OWN = (
    "EUR € euro; GBP £; INR ₹ रु; KRW ₩ 원; TRY ₺ tl; RUB ₽ руб; UAH ₴ грн; ILS ₪; VND ₫; PHP ₱; THB ฿; PLN zł; "
    "CZK kč; HUF ft; RON lei; BGN лв; JPY 円; CNY 元 rmb cn¥; USD us$; BRL r$; AUD a$ au$; CAD c$ ca$; NZD nz$; "
    "HKD hk$; SGD s$; TWD nt$; MXN mx$; IDR rp; MYR rm; NGN ₦; BDT ৳; KZT ₸; "
    "AED د.إ dhs; SAR ر.س; QAR ر.ق; KWD د.ك kd; EGP ج.م"
)
_SIGNS = {sign: code for code, *signs in map(str.split, _OWN.split(";")) for sign in signs} | {"us $": "USD"}
_ALIKE = {"￥": "¥", "₨": "rs"}
#: Signs that several countries use: what each means where, and what is meant where nothing tells the country.
_SHARED: Mapping[str, tuple[Mapping[str, str], str | None]] = {
    "$": (
        {"us": "USD", "ca": "CAD", "au": "AUD", "nz": "NZD", "mx": "MXN", "sg": "SGD", "hk": "HKD", "tw": "TWD"}
        | {"cl": "CLP", "co": "COP", "ar": "ARS"},
        None,
    ),
    "¥": ({"jp": "JPY", "cn": "CNY"}, None),
    "kr": ({"se": "SEK", "no": "NOK", "dk": "DKK", "is": "ISK"}, None),
    "rs": ({"in": "INR", "pk": "PKR", "lk": "LKR", "np": "NPR", "mu": "MUR"}, "INR"),
}


def _pattern() -> str:
    """A regular expression for every sign; letters count as one only where they stand alone."""
    signs = sorted([*_SIGNS, *_ALIKE, *_SHARED], key=len, reverse=True)
    words = [re.escape(sign) for sign in signs if sign[0].isascii() and sign.isalpha()]
    others = [re.escape(sign) for sign in signs if re.escape(sign) not in words]
    return rf"(?i:{'|'.join(others)}|(?<![^\W\d_])(?:{'|'.join(words)})(?![^\W\d_]))"


SIGN_PATTERN = _pattern()


def currency_code(sign: str, currency: str = "", country: str = "") -> str | None:
    """The ISO 4217 code that `sign` means, None where that is not clear.

    A sign that several countries share means `currency` (the store's own) if that is one of theirs, else what it means
    in `country`, two small letters.
    """
    text = sign.strip(" .:()")
    key = _ALIKE.get(text.lower(), text.lower())
    if key in _SIGNS:
        return _SIGNS[key]
    if key in _SHARED:
        countries, default = _SHARED[key]
        return currency if currency in countries.values() else countries.get(country, default)
    return text.upper() if text.upper() in CODES else None
