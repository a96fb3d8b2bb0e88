"""The types of pgwire against PostgreSQL 15: every value goes in as text and as binary, and out as both; errors agree too.

PGD1_LONG=1 tries more values; PGD1_SEED repeats a run (the seed is in the name of each case).
"""
import os
import re

import pytest
import type_values
from seed import seed
from type_oracle import Driver, Oracle, binary_path

LONG = os.environ.get("PGD1_LONG") == "1"
COUNT = 5000 if LONG else 300
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


def tell_apart(value, theirs, ours):
    return f"seed {SEED}, value {value!r}\n  PostgreSQL {theirs}\n  pgd1       {ours}"


def is_known(type_name, value, theirs, ours):
    """What pgd1 refuses on purpose: no storage for it (types.h)."""
    base = type_name.lstrip("_")
    if base in ("date", "timestamp", "timestamptz") and ours.state == "22008":
        far = theirs.ok and re.search(rb"\d{5}-|-\d{5}|/\d{5}|\.\d{5}|BC| \d{5,6}($| )", theirs.text)
        return "Only the years 1 to 9999" in ours.detail or far or "out of range" in ours.message and b"29427" in value
    if base == "interval" and ours.message == "interval out of range" and theirs.ok:
        return b"2562047788" in theirs.text  # rounding to the precision wraps around in PostgreSQL
    if type_name.startswith("_") and ours.state == "0A000":
        return "lower bound" in ours.message
    if type_name == "tsvector":
        return "position 0" in ours.message
    if type_name == "tsquery":
        return "distance too large" in ours.message  # releases before the facts' one took it
    return type_name == "xid8" and ours.state == "0A000"


def same_error(type_name, theirs, ours):
    """The whole error; of the several things wrong with a bad array, or the rest that a vector shows, another one may be named."""
    if theirs.state == ours.state and (type_name.endswith("vector") or type_name.startswith("_") and theirs.message == ours.message):
        return True
    context = re.sub(r"\n?(unnamed )?portal .*parameter \$1.*", "", theirs.context, flags=re.S)
    return (theirs.state, theirs.message, theirs.detail, theirs.hint, context) == (ours.state, ours.message, ours.detail, ours.hint, ours.context)


def same_value(type_name, theirs, ours):
    """The same bytes; of NaN, which binary one it is gets lost."""
    if "float" in type_name and b"NaN" in theirs.text:
        return theirs.text == ours.text
    return theirs.text == ours.text and theirs.binary == ours.binary


def compare(type_name, values, theirs, ours):
    bad = []
    for value, a, b in zip(values, theirs, ours):
        if b.state and is_known(type_name, value, a, b):
            continue
        if a.ok and b.ok:
            good = same_value(type_name, a, b)
        else:
            good = same_error(type_name, a, b)
        if not good:
            bad.append(tell_apart(value, a, b))
    assert not bad, f"{len(bad)} of {len(values)}:\n" + "\n".join(bad[:20])


def depends_on_now(value):
    return re.search(rb"now|today|tomorrow|yesterday", value.replace(b"\\", b""), re.I)


@pytest.mark.parametrize("type_name", type_values.TYPES)
def test_text_in(pg, driver, type_name):
    values = type_values.texts(type_name, SEED, COUNT)
    values = [value for value in values if not depends_on_now(value)]
    theirs = [pg.value(type_name, value) for value in values]
    compare(type_name, values, theirs, driver.both(type_name, values))
    assert sum(answer.ok for answer in theirs) > len(values) / 10, "too few of the texts are values"


@pytest.mark.parametrize("type_name", type_values.TYPES)
def test_binary_in(pg, driver, type_name):
    texts = type_values.texts(type_name, SEED, COUNT)
    good = [answer.binary for answer in (pg.value(type_name, value) for value in texts) if answer.ok]
    compare(type_name, good, [pg.value(type_name, value, True) for value in good], driver.both(type_name, good, True))
    bad = type_values.broken_binaries(good, SEED, COUNT)
    theirs = [pg.value(type_name, value, True) for value in bad]
    compare_binary_errors(type_name, bad, theirs, driver.both(type_name, bad, True))


def compare_binary_errors(type_name, values, theirs, ours):
    """Where two things are wrong with a value, which is told first is not a promise; both must refuse it as malformed."""
    malformed = {"08P01", "22P03", "22021", "42804", "54000", "22003", "22P02", "0A000", "22008", "22009", "22P05", "XX000", "42704", "42883", "22000"}
    bad = []
    for value, a, b in zip(values, theirs, ours):
        if a.ok and b.ok:
            good = same_value(type_name, a, b)
        elif a.ok:
            good = is_known(type_name, value, a, b)
        else:
            good = a.state == b.state or (b.state in malformed and a.state in malformed)
        if not good:
            bad.append(tell_apart(value, a, b))
    assert not bad, f"{len(bad)} of {len(values)}:\n" + "\n".join(bad[:20])


# ---- settings

STYLES = [{"datestyle": style, "dateorder": order, "timezone": zone}
          for style, order, zone in [("SQL", "MDY", "Europe/Berlin"), ("SQL", "DMY", "America/New_York"), ("Postgres", "MDY", "Asia/Kolkata"),
                                     ("Postgres", "DMY", "Australia/Lord_Howe"), ("German", "DMY", "<-03>+03"), ("ISO", "YMD", "Africa/Casablanca"),
                                     ("ISO", "DMY", "America/Sao_Paulo"), ("ISO", "MDY", "Europe/Dublin")]]


@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s['datestyle']}-{s['dateorder']}-{s['timezone']}")
@pytest.mark.parametrize("type_name", ["date", "timestamp", "timestamptz", "timetz", "_timestamptz"])
def test_date_styles(pg, driver, type_name, style):
    pg.set(datestyle=f"{style['datestyle']}, {style['dateorder']}", timezone=style["timezone"])
    driver.set(**style, now=pg.execute("SELECT (extract(epoch FROM date_trunc('day', now())) * 1000000)::int8")[0].get_value(0, 0).decode())
    values = [value for value in type_values.texts(type_name, SEED + str(style), COUNT // 2)
              if not depends_on_now(value)]
    compare(type_name, values, [pg.value(type_name, value) for value in values], driver.both(type_name, values))


def test_relative_days(pg, driver):
    """now, today… of a transaction, in a zone where the day may be another one."""
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
        pg.set(timezone=zone)
        pg.connection.execute("BEGIN")
        now = pg.execute("SELECT (extract(epoch FROM now()) * 1000000)::int8")[0].get_value(0, 0).decode()
        driver.set(timezone=zone, now=now)
        for type_name, values in {"date": ["now", "today", "tomorrow", "yesterday", "now UTC"], "time": ["now", "today"], "timetz": ["now", "now UTC", "04:05"],
                                  "timestamp": ["now", "today", "tomorrow", "yesterday", "today 04:05", "yesterday allballs"],
                                  "timestamptz": ["now", "today", "tomorrow", "yesterday 23:00", "today 04:05 UTC", "now UTC"]}.items():
            data = [value.encode() for value in values]
            theirs = []
            for value in data:
                pg.connection.execute("SAVEPOINT s")
                theirs.append(pg.value(type_name, value))
                pg.connection.execute("ROLLBACK TO s")
            compare(type_name, data, theirs, driver.both(type_name, data))
        pg.connection.execute("ROLLBACK")


@pytest.mark.parametrize("style", ["postgres", "postgres_verbose", "sql_standard", "iso_8601"])
def test_interval_styles(pg, driver, style):
    pg.set(intervalstyle=style)
    driver.set(intervalstyle=style)
    values = type_values.texts("interval", SEED + style, COUNT)
    compare("interval", values, [pg.value("interval", value) for value in values], driver.both("interval", values))


@pytest.mark.parametrize("digits", [-15, -3, 0, 1, 3])
@pytest.mark.parametrize("type_name", ["float4", "float8", "_float8"])
def test_float_digits(pg, driver, type_name, digits):
    pg.set(digits=digits)
    driver.set(digits=digits)
    values = type_values.texts(type_name, SEED, COUNT // 2)
    compare(type_name, values, [pg.value(type_name, value) for value in values], driver.both(type_name, values))


def test_bytea_escape(pg, driver):
    pg.set(bytea_output="escape")
    driver.set(bytea_output="escape")
    values = type_values.texts("bytea", SEED, COUNT)
    compare("bytea", values, [pg.value("bytea", value) for value in values], driver.both("bytea", values))


# ---- type modifiers: what an assignment and a cast make of a value

MODIFIED = [("varchar", "varchar(3)", 7), ("bpchar", "char(4)", 8), ("numeric", "numeric(5,2)", (5 << 16 | 2) + 4), ("numeric", "numeric(20,0)", (20 << 16) + 4),
            ("numeric", "numeric(3,-2)", (3 << 16 | 2046) + 4), ("numeric", "numeric(3,5)", (3 << 16 | 5) + 4), ("time", "time(0)", 0), ("time", "time(3)", 3),
            ("timetz", "timetz(2)", 2), ("timestamp", "timestamp(0)", 0), ("timestamp", "timestamp(3)", 3), ("timestamptz", "timestamptz(1)", 1),
            ("interval", "interval(2)", 32767 << 16 | 2), ("interval", "interval year", 4 << 16 | 65535), ("interval", "interval month", 2 << 16 | 65535),
            ("interval", "interval year to month", 6 << 16 | 65535), ("interval", "interval day", 8 << 16 | 65535), ("interval", "interval day to hour", 1032 << 16 | 65535),
            ("interval", "interval day to minute", 3080 << 16 | 65535), ("interval", "interval day to second(3)", 7176 << 16 | 3),
            ("interval", "interval minute to second", 6144 << 16 | 65535), ("interval", "interval second(1)", 4096 << 16 | 1),
            ("_varchar", "varchar(2)[]", 6), ("_numeric", "numeric(6,1)[]", (6 << 16 | 1) + 4), ("_bpchar", "char(3)[]", 7), ("_timestamp", "timestamp(0)[]", 0)]


@pytest.mark.parametrize("type_name, declared, typmod", MODIFIED, ids=[declared for _, declared, _ in MODIFIED])
def test_typmod(pg, driver, type_name, declared, typmod):
    """Assigned to a column: out comes what a column of that type shows."""
    base = {"bpchar": "varchar", "_bpchar": "_varchar"}.get(type_name, type_name)
    values = [value for value in type_values.texts(base, SEED + declared, COUNT // 2) if not depends_on_now(value)]
    pg.connection.execute(f"CREATE TEMP TABLE modified (v {declared})")
    oid, theirs = pg.oids[type_name], []
    for value in values:
        result, error = pg.execute("INSERT INTO modified VALUES ($1) RETURNING v", [value], [oid])
        if not error and type_name == "interval":
            # a parameter has no field range: a bare number counts seconds, then the column cuts it; the same here
            pass
        answer = error
        if not error:
            answer = type(pg.value("bool", b"t"))(text=result.get_value(0, 0))
        theirs.append(answer)
    pg.connection.execute("DROP TABLE modified")
    ours = driver.both(type_name, values, typmod=typmod)
    for a, b in zip(theirs, ours):
        if a.ok and b.ok:
            a.binary = b.binary
    compare(type_name, values, theirs, ours)


def test_type_names(pg, driver):
    typmods = [-1, 0, 3, 5, 14, 655366, 6 << 16 | 65535, 7176 << 16 | 3]
    plain = {"bit", "varbit", "_bit", "_varbit", "bpchar", "_bpchar", "varchar", "_varchar", "numeric", "_numeric", "time", "_time", "timetz", "_timetz", "timestamp",
             "_timestamp", "timestamptz", "_timestamptz"}
    cases = [(oid, typmod) for name, oid in pg.oids.items() for typmod in typmods
             if typmod == -1 or (name in plain and typmod < 655366) or (name.lstrip("_") == "interval" and typmod % 65536 != 6 and typmod > 65536) or name == "numeric"]
    types_known = "record" and {row[0] for row in pg.connection.execute("SELECT oid FROM pg_type WHERE oid < 10000 AND typtype <> 'c' AND typelem NOT IN "
                                                                        "(SELECT oid FROM pg_type WHERE typtype = 'c')").fetchall()}
    cases = [case for case in cases if case[0] in types_known]
    theirs = [pg.call("SELECT format_type($1::oid, $2::int)", [str(oid), str(typmod)]) for oid, typmod in cases]
    ours = driver.run([f"format {oid} {typmod}" for oid, typmod in cases])
    bad = [(case, a.text, b.text) for case, a, b in zip(cases, theirs, ours) if a.text != b.text]
    assert not bad


def test_invalid_utf8(pg, driver):
    values = [b"\xff", b"a\xc3", b"\xc3\x28", b"\xe2\x28\xa1", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xc0\x80", b"\xf8\x88\x80\x80\x80", b"ok\x80", b"\xf4\x90\x80\x80"]
    for type_name in ("text", "varchar", "int4", "json", "_text"):
        compare(type_name, values, [pg.value(type_name, value) for value in values], driver.both(type_name, values))
    compare("text", values, [pg.value("text", value, True) for value in values], driver.both("text", values, True))
