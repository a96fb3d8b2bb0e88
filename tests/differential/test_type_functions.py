"""Arithmetic of numeric, dates and intervals against PostgreSQL 15: digits, scales and errors."""
import os
import random

import pytest
import type_values
from seed import seed
from type_oracle import Driver, Oracle, binary_path

LONG = os.environ.get("PGD1_LONG") == "1"
COUNT = 3000 if LONG else 250
SEED = seed()
pytestmark = pytest.mark.timeout(3000 if LONG else 120)
if not os.path.exists(binary_path()):
    pytest.skip("the target type_driver is not built", allow_module_level=True)


@pytest.fixture(scope="module")
def pg(oracle):
    connection = Oracle(oracle)
    yield connection
    connection.close()


@pytest.fixture
def driver(pg):
    yield Driver()
    pg.reset()


def check(pg, driver, function, sql, rows, is_known=lambda theirs, ours: False):
    bad, ours = [], driver.call(function, rows)
    for row, b in zip(rows, ours):
        a = pg.call(sql, row)
        good = a.text == b.text if a.ok and b.ok else (a.state, a.message, a.detail, a.hint) == (b.state, b.message, b.detail, b.hint)
        if not good and not is_known(a, b):
            bad.append(f"seed {SEED}, {function}{tuple(row)!r}\n  PostgreSQL {a}\n  pgd1       {b}")
    assert not bad, f"{len(bad)} of {len(rows)}:\n" + "\n".join(bad[:20])


# ---- numeric

def number(r):
    how = r.random()
    if how < 0.1:
        return r.choice(["0", "0.00", "1", "-1", "1.0", "NaN", "Infinity", "-Infinity", "10000", "9999", "0.0001", "1e20", "1e-20", "99999999999999999999"])
    sign = r.choice(["", "-"])
    if how < 0.4:
        return f"{sign}{r.randrange(10 ** r.randrange(1, 12))}"
    if how < 0.8:
        return f"{sign}{r.randrange(10 ** r.randrange(1, 20))}.{type_values.digits(r, r.randrange(1, 20))}"
    return f"{sign}0.{'0' * r.randrange(30)}{r.randrange(1, 1000000)}"


def positive(r):
    return number(r).lstrip("-")


TWO = {"add": "$1::numeric + $2::numeric", "subtract": "$1::numeric - $2::numeric", "multiply": "$1::numeric * $2::numeric", "divide": "$1::numeric / $2::numeric",
       "divide_integer": "div($1::numeric, $2::numeric)", "modulo": "$1::numeric % $2::numeric", "gcd": "gcd($1::numeric, $2::numeric)", "lcm": "lcm($1::numeric, $2::numeric)",
       "compare": "CASE WHEN $1::numeric < $2::numeric THEN -1 WHEN $1::numeric = $2::numeric THEN 0 ELSE 1 END"}


@pytest.mark.parametrize("function", TWO)
def test_numeric_two(pg, driver, function):
    r = random.Random(SEED + function)
    rows = [[number(r), number(r)] for _ in range(COUNT)]
    rows += [[row[0], row[0] + "0"] for row in rows[:20] if "." in row[0]]
    check(pg, driver, "numeric_" + function, "SELECT " + TWO[function], rows)


@pytest.mark.parametrize("function", ["round", "truncate"])
def test_numeric_scaled(pg, driver, function):
    r = random.Random(SEED + function)
    name = {"round": "round", "truncate": "trunc"}[function]
    rows = [[number(r), str(r.choice([0, 1, 2, 5, 10, 30, -1, -2, -5, -30, 2500, -2500]))] for _ in range(COUNT)]
    check(pg, driver, "numeric_" + function, f"SELECT {name}($1::numeric, $2::int)", rows)


ONE = {"ceil": "ceil($1::numeric)", "floor": "floor($1::numeric)", "negate": "- $1::numeric", "absolute": "abs($1::numeric)", "trim_scale": "trim_scale($1::numeric)",
       "from_float": "$1::float8::numeric"}


@pytest.mark.parametrize("function", ONE)
def test_numeric_one(pg, driver, function):
    r = random.Random(SEED + function)
    rows = [[type_values.double(r).strip() if function == "from_float" else number(r)] for _ in range(COUNT)]
    if function == "from_float":
        rows = [[str(float(row[0]))] for row in rows if is_float(row[0])]
    check(pg, driver, "numeric_" + function, "SELECT " + ONE[function], rows)


def is_float(text):
    try:
        return abs(float(text)) < 1e300 or float(text) != float(text)
    except ValueError:
        return False


def test_float_from_numeric(pg, driver):
    r = random.Random(SEED)
    rows = [[number(r)] for _ in range(COUNT)] + [["1" + "0" * 300], ["0." + "0" * 320 + "1"], ["0." + "0" * 310 + "1"]]
    check(pg, driver, "float_from_numeric", "SELECT $1::numeric::float8", rows)


def last_digit(theirs, ours):
    """PostgreSQL's series may be off by one in the last place; MPFR rounds the true value."""
    if not (theirs.ok and ours.ok):
        return False
    a, b = theirs.text.decode(), ours.text.decode()
    if len(a.partition(".")[2]) != len(b.partition(".")[2]):
        return False
    try:
        return abs(int(a.replace(".", "")) - int(b.replace(".", ""))) <= 1
    except ValueError:
        return False


@pytest.mark.parametrize("function", ["sqrt", "exp", "ln"])
def test_numeric_transcendental(pg, driver, function):
    r = random.Random(SEED + function)
    rows = [[number(r) if r.random() < 0.1 else positive(r)] for _ in range(COUNT)]
    if function == "exp":
        rows = [[r.choice(["", "-"]) + str(r.choice([r.uniform(0, 10), r.uniform(0, 3000), r.uniform(0, 0.001), r.randrange(7000)]))] for _ in range(COUNT)]
    else:
        rows += [[f"{r.choice([0, 1])}.{r.choice(['9', '0', '99', '00', '1', '8'])}{type_values.digits(r, 12)}"] for _ in range(COUNT)]
    check(pg, driver, "numeric_" + function, f"SELECT {function}($1::numeric)", [row for row in rows if "e" not in row[0]], last_digit)


def test_numeric_log(pg, driver):
    r = random.Random(SEED)
    rows = [[positive(r), positive(r)] for _ in range(COUNT)] + [["2", "8"], ["10", "1000"], ["1", "5"], ["0.5", "0.25"], ["-1", "2"], ["2", "0"], ["10.00", "1e15"]]
    check(pg, driver, "numeric_log", "SELECT log($1::numeric, $2::numeric)", rows, last_digit)


def test_numeric_power(pg, driver):
    r = random.Random(SEED)
    rows = []
    for _ in range(COUNT):
        base = r.choice([number(r), str(r.randrange(1, 100)), f"{r.uniform(0, 3):.6f}"])
        rows.append([base, r.choice([str(r.randrange(-20, 20)), f"{r.uniform(-5, 5):.3f}", "0.5", "2", "-1", "1", "0", "100", "3.0"])])
    rows += [["0", "-1"], ["0", "0"], ["-8", "0.5"], ["-8", "3"], ["1.0001", "10000"], ["2", "100000"], ["2", "1000000"], ["10", "-500"], ["10", "-2000"], ["NaN", "0"], ["1", "NaN"],
             ["Infinity", "-2"], ["-Infinity", "3"], ["-Infinity", "2"], ["0.5", "Infinity"], ["-1", "Infinity"], ["2", "-Infinity"], ["0", "Infinity"], ["0", "-Infinity"],
             ["-Infinity", "0.5"], ["Infinity", "NaN"], ["0.0000001", "3.5"], ["7", "12345678901"], ["1", "12345678901"]]
    check(pg, driver, "numeric_power", "SELECT power($1::numeric, $2::numeric)", rows, last_digit)


# ---- dates and intervals

def stamp(r):
    y = r.choice([r.randrange(1900, 2100), 2024, 2023, 1972, r.randrange(1, 9999)])
    return f"{y:04}-{r.randrange(1, 13):02}-{r.choice([1, 28, r.randrange(1, 29)]):02} {r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(1000000):06}"


def edge_stamp(r):
    return r.choice([stamp(r)] * 8 + ["infinity", "-infinity", "2024-02-29", "2024-03-31 02:30", "2024-10-27 02:30", "1999-12-31 23:59:59.999999", "0001-01-01", "9999-12-31"])


def span(r):
    return r.choice([f"{r.randrange(-30, 30)} months {r.randrange(-60, 60)} days {r.randrange(-100, 100)}:{r.randrange(60)}:{r.randrange(60)}", f"{r.randrange(-5, 5)} years", f"{r.randrange(-400, 400)} days",
                     f"{r.randrange(-100000, 100000)} seconds", f"{r.uniform(-100, 100)} hours", "1 month", "-1 month", "1 day", "0", f"{r.randrange(-3, 3)} mons {r.randrange(-3, 3)} days"])


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns", "Pacific/Apia"]


def test_timestamp_add(pg, driver):
    r = random.Random(SEED)
    check(pg, driver, "timestamp_add", "SELECT $1::timestamp + $2::interval", [[edge_stamp(r), span(r)] for _ in range(COUNT)])


@pytest.mark.parametrize("zone", ZONES)
def test_timestamptz_add(pg, driver, zone):
    r = random.Random(SEED + zone)
    pg.set(timezone=zone)
    driver.set(timezone=zone)
    check(pg, driver, "timestamptz_add", "SELECT $1::timestamptz + $2::interval", [[edge_stamp(r), span(r)] for _ in range(COUNT)])


@pytest.mark.parametrize("function, sql", [("timestamp_difference", "$1::timestamp - $2::timestamp"), ("timestamp_age", "age($1::timestamp, $2::timestamp)"),
                                           ("timestamptz_age", "age($1::timestamptz, $2::timestamptz)")])
def test_timestamp_difference(pg, driver, function, sql):
    r = random.Random(SEED + function)
    pg.set(timezone="Europe/Berlin")
    driver.set(timezone="Europe/Berlin")
    rows = [[edge_stamp(r), edge_stamp(r)] for _ in range(COUNT)]
    # PostgreSQL 15 takes infinity for the year 294277 here; pgd1 refuses it
    check(pg, driver, function, "SELECT " + sql, [row for row in rows if "age" not in function or "infinity" not in "".join(row)])


UNITS = ["microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "century", "millennium", "dow", "isodow", "doy", "isoyear", "epoch", "julian",
         "timezone", "timezone_hour", "timezone_minute", "foo", "YEAR", "Hours", "msec", "us"]


@pytest.mark.parametrize("type_name", ["timestamp", "timestamptz", "interval"])
def test_truncate(pg, driver, type_name):
    r = random.Random(SEED + type_name)
    for zone in ("UTC", "America/St_Johns"):
        pg.set(timezone=zone)
        driver.set(timezone=zone)
        rows = [[unit, span(r) if type_name == "interval" else edge_stamp(r)] for unit in UNITS for _ in range(COUNT // 10)]
        if type_name != "interval":
            rows += [[unit, "0044-03-15 12:00 BC"] for unit in UNITS] + [["hour", "2024-10-27 02:30 CEST"]]
        check(pg, driver, "truncate_" + type_name, f"SELECT date_trunc($1, $2::{type_name})", rows)


@pytest.mark.parametrize("type_name", ["date", "time", "timetz", "timestamp", "timestamptz", "interval"])
def test_extract(pg, driver, type_name):
    r = random.Random(SEED + type_name)
    make = {"date": lambda: edge_stamp(r)[:10] if r.random() < 0.9 else "infinity", "time": lambda: stamp(r)[11:], "timetz": lambda: stamp(r)[11:] + r.choice(["+02", "-03:30", "Z", "+05:45:10"]),
            "interval": lambda: span(r)}.get(type_name, lambda: edge_stamp(r))
    for zone in ("UTC", "Asia/Kathmandu"):
        pg.set(timezone=zone)
        driver.set(timezone=zone)
        rows = [[unit, make().replace("-infinit", "-infinity").replace("-infinityy", "-infinity")] for unit in UNITS for _ in range(COUNT // 10)]
        if type_name in ("date", "timestamp", "timestamptz"):
            rows += [[unit, day] for unit in UNITS for day in ("0044-03-15 BC", "0001-01-01", "2000-12-31", "2001-01-01", "0001-12-31 BC", "0100-01-01 BC")]
        for unit in UNITS:
            # date_part's grammar: extract takes the unit as a word, so one statement per unit
            mine = [row for row in rows if row[0] == unit]
            check(pg, driver, "extract_" + type_name, f"SELECT extract('{unit}' FROM $2::{type_name}), $1::text", mine)


@pytest.mark.parametrize("function", ["justify_hours", "justify_days", "justify_interval"])
def test_justify(pg, driver, function):
    r = random.Random(SEED + function)
    check(pg, driver, function, f"SELECT {function}($1::interval)", [[span(r)] for _ in range(COUNT)])


@pytest.mark.parametrize("function, sql", [("interval_multiply", "$1::interval * $2::float8"), ("interval_divide", "$1::interval / $2::float8")])
def test_interval_scaled(pg, driver, function, sql):
    r = random.Random(SEED + function)
    rows = [[span(r), str(r.choice([r.uniform(-10, 10), 0.1, 0.5, 1.5, 3, 0, 1e10, 7, -0.333]))] for _ in range(COUNT)]
    check(pg, driver, function, "SELECT " + sql, rows)


def test_interval_compare(pg, driver):
    r = random.Random(SEED)
    rows = [[span(r), span(r)] for _ in range(COUNT)] + [["1 month", "30 days"], ["1 day", "24 hours"], ["12 months", "1 year"]]
    check(pg, driver, "interval_compare", "SELECT CASE WHEN $1::interval < $2::interval THEN -1 WHEN $1::interval = $2::interval THEN 0 ELSE 1 END", rows)


@pytest.mark.parametrize("fields, typmod", [("year", 4), ("month", 2), ("year to month", 6), ("day", 8), ("hour", 1024), ("minute", 2048), ("second", 4096), ("day to hour", 1032),
                                            ("day to minute", 3080), ("day to second", 7176), ("hour to minute", 3072), ("hour to second", 7168), ("minute to second", 6144)])
def test_interval_fields(pg, driver, fields, typmod):
    """A literal of a restricted interval: a bare number counts in its smallest field."""
    r = random.Random(SEED + fields)
    texts = [text for text in (type_values.interval(r) for _ in range(COUNT)) if "'" not in text and "\\" not in text]
    rows = [[text, str(typmod << 16 | 65535)] for text in texts]
    bad = []
    for row, b in zip(rows, driver.call("interval_typmod", rows)):
        a = pg.call(f"SELECT ('{row[0]}'::interval {fields})::text", [])
        if (a.text, a.state, a.message) != (b.text, b.state, b.message):
            bad.append(f"seed {SEED}, {row!r}\n  PostgreSQL {a}\n  pgd1       {b}")
    assert not bad, f"{len(bad)}:\n" + "\n".join(bad[:20])


@pytest.mark.parametrize("function, sql", [("timestamp_at_zone", "$2::timestamp AT TIME ZONE $1"), ("timestamptz_at_zone", "$2::timestamptz AT TIME ZONE $1")])
def test_at_zone(pg, driver, function, sql):
    r = random.Random(SEED + function)
    names = [*ZONES, "cet", "CEST", "est", "EDT", "MSK", "msk", "ist", "+02", "-3", "utc+3", "<-03>+03", "EST5EDT", "FOO5", "nowhere", "", "z", "Europe/berlin", "America/Argentina/Buenos_Aires", "posix/UTC",
             "PST8PDT,M3.2.0,M11.1.0", "FOO5BAR,M3.2.0/2,M11.1.0/2", "FOO-5BAR,J60,J300", "FOO-5BAR,59,300/3:30", "localtime2", "../UTC", "Factory"]
    rows = [[name, edge_stamp(r)] for name in names for _ in range(COUNT // 10)]
    rows += [[name, day] for name in ("MSK", "Europe/Moscow", "Europe/Berlin", "Europe/Dublin", "Africa/Casablanca") for day in
             ("1900-01-01", "1945-05-24 02:30", "2011-03-27 02:30", "2014-10-26 01:30", "2050-07-01", "2050-12-01", "2999-07-01", "2024-03-31 02:30", "2024-10-27 02:30", "0001-01-01")]
    check(pg, driver, function, "SELECT " + sql, rows)


def test_date_bin(pg, driver):
    r = random.Random(SEED)
    rows = [[r.choice(["15 minutes", "1 hour", "7 days", "1 day 3 hours", "1 month", "0", "-1 hour", "1 us", f"{r.randrange(1, 10 ** 9)} us"]), edge_stamp(r), edge_stamp(r)] for _ in range(COUNT)]
    check(pg, driver, "date_bin", "SELECT date_bin($1::interval, $2::timestamp, $3::timestamp)", rows)
