import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.reading.currencies import CODES, currency_code
from atlas.collect.reading.prices import Market, Price, country_of, lowest, read_amount, read_price

ANYWHERE = Market()


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("Rs. 1,299.00", 1299, "INR"),
        ("Rs.1,299", 1299, "INR"),
        ("Rs 2,49,999.00", 249999, "INR"),
        ("₹ 1,299/-", 1299, "INR"),
        ("INR1,299.00", 1299, "INR"),
        ("1.299,00 EUR", 1299, "EUR"),
        ("€ 1.299,-", 1299, "EUR"),
        ("12€99", 12.99, "EUR"),
        ("EUR 35.-", 35, "EUR"),
        ("1 299,00 zł", 1299, "PLN"),
        ("1\u202f299,50 €", 1299.5, "EUR"),
        ("CHF 1'299.00", 1299, "CHF"),
        ("£.99", 0.99, "GBP"),
        ("USD $14", 14, "USD"),
        ("R$ 1.299,90", 1299.9, "BRL"),
        ("1.299.000 ₫", 1299000, "VND"),
        ("3980円", 3980, "JPY"),
        ("KWD 12.500", 12.5, "KWD"),
        ("١٢٣ ر.س", 123, "SAR"),
        ("12 500 руб.", 12500, "RUB"),
        ("1,299", 1299, None),
        ("Price: 1299.5", 1299.5, None),
    ],
)
def test_one_price_in_many_spellings(text, amount, currency):
    assert read_price(text, ANYWHERE) == Price(amount, currency)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("₹499 - ₹1,299", 499),
        ("1.299,00 – 1.499,00 €", 1299),
        ("US $12.00-15.00", 12),
        ("Was £50 Now £30", 30),
        ("₹999 ₹1,999 (50% off)", 999),
        ("₹899 MRP ₹1,999", 899),
        ("M.R.P.: ₹2,999 ₹899", 899),
        ("UVP 59,95 € 39,95 €", 39.95),
        ("19,99 € statt 29,99 €", 19.99),
        ("You save: £5.00 £20.00", 20),
        ("10 in stock £15", 15),
        ("Size 32 £40", 40),
        ("2 for £30", 30),
        ("39,99 € (1,33 €/100 g)", 39.99),
        ("Regular price £30", 30),  # struck by its word, and yet the only one
    ],
)
def test_of_several_numbers_it_is_what_the_product_costs_now(text, amount):
    assert read_price(text, ANYWHERE).amount == amount


@pytest.mark.parametrize(
    "text", ["", "Free", "20 % off", "on request", "0.00 €", "...", "1,,2", "9" * 30, "Gift", "-20 %"]
)
def test_where_no_price_is_told_there_is_none(text):
    assert read_price(text, ANYWHERE) is None


@pytest.mark.parametrize(
    ("sign", "currency", "country", "code"),
    [
        ("$", "", "", None),
        ("$", "CAD", "us", "CAD"),  # the store knows better than its address
        ("$", "INR", "", None),
        ("$", "", "au", "AUD"),
        ("Rs.", "", "", "INR"),
        ("₨", "", "pk", "PKR"),
        ("kr", "", "se", "SEK"),
        ("￥", "", "cn", "CNY"),
        ("eur", "", "", "EUR"),
        ("UVP", "", "", None),
        ("", "EUR", "de", None),
    ],
)
def test_a_sign_that_many_share_is_told_by_store_and_country(sign, currency, country, code):
    assert currency_code(sign, currency, country) == code


def test_the_country_is_the_host_ending_or_the_region_of_the_language():
    assert country_of("https://shop.co.in/x", "en") == "in"
    assert country_of("https://shop.com/x", "en-IN") == "in"
    assert country_of("https://shop.io/x", "de_AT") == "at"
    assert country_of("https://shop.com/x", "in") == ""  # a language alone is no country


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        (12.5, None, 12.5),
        ("12.5", None, 12.5),
        ("1299", None, 1299),
        ("19.990", "USD", 19.99),
        ("19.990", "CLP", 19990),  # there are no cents in Chile
        ("1.299,00", None, 1299),
        ("1,299.00", None, 1299),
        ("₹ 499", None, 499),
        ("1e3", None, 1000),
        ("-5", None, None),
        (0, None, None),
        ("0.00", None, None),
        (True, None, None),
        (None, None, None),
        (float("nan"), None, None),
        (10**400, None, None),
        ([5], None, None),
    ],
)
def test_amounts_of_structured_data(value, currency, amount):
    assert read_amount(value, ANYWHERE, currency) == amount


def test_the_store_file_says_what_a_lone_sign_divides():
    assert read_price("1.299", ANYWHERE).amount == 1299
    assert read_price("1.299", Market(decimal=".")).amount == 1.299
    assert read_price("1,299", Market(decimal=",")).amount == 1.299
    assert read_amount("1.299", Market(decimal=",")) == 1299


def test_the_lowest_price_is_taken_in_one_currency():
    offers = [(180.0, "USD"), (165.0, "EUR"), (175.0, "USD"), (170.0, None), (None, "USD")]
    assert lowest(offers) == Price(170.0, "USD")
    assert lowest(offers, preferred="EUR") == Price(165.0, "EUR")
    assert lowest([(None, "USD")]) is None


@given(
    st.integers(1, 10**7), st.sampled_from(sorted(CODES)), st.sampled_from(["{0} {1}", "{1} {0}", "now {0}{1} only"])
)
def test_every_whole_price_with_a_code_is_read_back(amount, code, form):
    assert read_price(form.format(code, f"{amount:,}"), ANYWHERE) == Price(amount, code)
