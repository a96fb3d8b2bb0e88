"""Texts for every type: edges that are always tried, and random ones, right and wrong."""
import random
import string
import struct

import text_search_texts

# ---- pieces


def digits(r, n):
    return "".join(r.choice(string.digits) for _ in range(n)) or "0"


def blanks(r, text):
    return r.choice(["", " ", "\t", "  \n"]) + text + r.choice(["", " ", "\n"]) if r.random() < 0.1 else text


def mutate(r, text):
    """One character more, less or another one."""
    at, letters = r.randrange(len(text) + 1), string.printable[:95] + "\té€"
    how = r.random()
    if how < 0.3:
        return text[:at] + r.choice(letters) + text[at:]
    if how < 0.6:
        return text[:at] + text[at + 1:]
    return text[:at] + r.choice(letters) + text[at + 1:]


WORDS = ["a", "NULL", "null", "", "é", "日本語", "😀", "x y", " lead", "trail ", "\\", "\"", "'", "{", "}", ",", "tab\t", "new\nline", "\x7f", "\x01",
         "%s", "a\\b", "{}", "1", "true", "ß", "\u200b", "e\u0301"]


def any_text(r):
    return "".join(r.choice(WORDS) for _ in range(r.randrange(5)))


# ---- families

def boolean(r):
    return r.choice(["t", "tr", "tru", "true", "TRUE", "f", "false", "fal", "y", "yes", "n", "no", "on", "of", "off", "1", "0", "o", "", "2", "ye"])


def integer(bits):
    edge = 1 << (bits - 1)

    def make(r):
        v = r.choice([0, 1, -1, edge, -edge, edge - 1, -edge - 1, edge + 1, r.randrange(-2 * edge, 2 * edge), r.randrange(-1000, 1000)])
        text = str(v)
        return r.choice([text, text, "+" + text, "0" * r.randrange(4) + text, text + "0"])
    return make


def unsigned(r):
    v = r.choice([0, 1, 1 << 31, (1 << 32) - 1, 1 << 32, -(1 << 31), -(1 << 31) - 1, r.randrange(1 << 33), r.randrange(1000)])
    return r.choice([str(v), str(v), "0x%x" % abs(v), "0%o" % abs(v), str(v) + "x", ""])


def double(r):
    how = r.random()
    if how < 0.4:
        v = struct.unpack("<d", r.randbytes(8))[0]
        return repr(v)
    if how < 0.6:
        return f"{r.uniform(-1000, 1000):.{r.randrange(20)}f}"
    if how < 0.7:
        # around powers of two, where the neighbours are at different distances
        return repr(2.0 ** r.randrange(-1074, 1024) * r.choice([1, 1, 1 - 2 ** -53, 1 + 2 ** -52]))
    if how < 0.8:
        return str(r.randrange(-(1 << 60), 1 << 60))
    if how < 0.9:
        return digits(r, r.randrange(1, 20)) + "." + digits(r, r.randrange(20)) + "e" + str(r.randrange(-330, 330))
    return r.choice(["0x1p3", "0x1.8", "1e", "e1", ".", "1.", ".5", "+1", "--1", "1d", "infinity", "-inf", "nan", "1_0", "1e400", "1e-400", "0e999"])


def single(r):
    how = r.random()
    if how < 0.5:
        return repr(struct.unpack("<f", r.randbytes(4))[0])
    if how < 0.7:
        return "%.9g" % (2.0 ** r.randrange(-149, 128))
    return r.choice(["0.1", "16777217", "3.4028235e38", "3.4028236e38", "1e39", "1e-45", "1e-46", "7e-46", "1e5", "1e6", "123456", "1234567", "0.0001", "0.00001",
                     "inf", "nan", "x", ""])


def numeric(r):
    how = r.random()
    text = r.choice(["", "-", "+"]) + r.choice(["", digits(r, r.randrange(1, 40))]) + r.choice(["", "." + digits(r, r.randrange(1, 40)), "."])
    if how < 0.5:
        return text
    if how < 0.7:
        return text + r.choice("eE") + r.choice(["", "-", "+"]) + str(r.randrange(60))
    if how < 0.8:
        return r.choice(["", "-"]) + "0" * r.randrange(10) + "." + "0" * r.randrange(30) + digits(r, r.randrange(3))
    return r.choice(["NaN", "nan", "inf", "-Infinity", "+inf", "infinity", "+nan", "1e131071", "1e131072", "1e-16383", "1e-16384", "0e-16383", "0e-16384",
                     "0e200000", "1e1000000000", "1e2000000000", "1e", "1e+", "1e 5", "1.2.3", "- 1", "0x10", "1_000", "", " ", "." + "1" * 16383,
                     "9" * 131072, "9" * 131073, "0.1e131072"])


def text_like(r):
    return any_text(r)


def name(r):
    return any_text(r) * r.randrange(1, 12)


def one_char(r):
    return r.choice(["a", "", "ab", "é", "\\101", "\\303", "\\400", "\\12", "\\1011", "\\", " ", "\\000", "\x01"])


def bytea(r):
    how = r.random()
    if how < 0.6:
        text = "\\x" + r.randbytes(r.randrange(20)).hex()
        return r.choice([text, text.upper().replace("\\X", "\\x"), text[:-1], text.replace("0", "0 "), text + " ", text + "g"])
    return "".join(r.choice(["a", "\\\\", "\\000", "\\377", "\\400", "é", " ", "\\", "'"]) for _ in range(r.randrange(8)))


# ---- dates

MONTHS = ["Jan", "Feb", "Mar", "April", "may", "JUNE", "july", "Aug", "Sept", "oct", "November", "dec"]
ZONES = ["Z", "UTC", "+02", "-03:30", "+0530", "+5:30:15", "-8", "+16", "PST", "PDT", "CET", "CEST", "EST5EDT", "Europe/Berlin", "America/New_York", "MSK", "IST",
         "Asia/Kolkata", "zulu", "Africa/Monrovia", "nowhere", "+", "PST8PDT", "America/Sao_Paulo", "dst", "MET DST", "BST", "Australia/Lord_Howe", "EDT"]


def year(r):
    return r.choice([r.randrange(1900, 2100), r.randrange(1, 10000), 1999, 2000, 2024, 1, 9999, 1582, 2038, r.randrange(1880, 1930)])


def day(r):
    y, m, d = year(r), r.randrange(1, 13), r.choice([r.randrange(1, 29), r.randrange(1, 32)])
    if r.random() < 0.05:
        m, d = r.randrange(0, 20), r.randrange(0, 40)
    mon = r.choice(MONTHS)
    forms = [f"{y:04}-{m:02}-{d:02}"] * 6 + [f"{y}-{m}-{d}", f"{m}/{d}/{y}", f"{d}.{m}.{y}", f"{d} {mon} {y}", f"{mon} {d}, {y}", f"{mon}-{d}-{y}", f"{y}-{mon}-{d}",
                                             f"{y:04}{m:02}{d:02}", f"{y % 100:02}{m:02}{d:02}", f"{m}/{d}/{y % 100:02}", f"{y}.{r.randrange(1, 400):03}",
                                             f"J{r.randrange(1721426, 5373484)}", f"{d}-{mon}-{y % 100:02}", f"{m}-{d}-{y}", f"{d}-{m}-{y % 100}", f"{mon} {y}",
                                             f"y{y}m{m:02}d{d:02}", f"{y} {mon} {d}", f"{mon} {d} {y}", f"{d}{mon}{y}", f"{y}/{m}/{d}", f"{m} {d} {y}",
                                             f"{mon}.{d}.{y}", f"{y:04}-{r.randrange(1, 367):03}", f"{d}/{mon}/{y}"]
    text = r.choice(forms)
    if r.random() < 0.03:
        text += r.choice([" BC", " AD", " bc"])
    if r.random() < 0.05:
        text = r.choice(["Mon ", "Tuesday ", "Wed, ", "on ", "weds "]) + text
    return text


def clock(r):
    h, m, s = r.randrange(24), r.randrange(60), r.randrange(60)
    if r.random() < 0.05:
        h, m, s = r.choice([(24, 0, 0), (23, 59, 60), (24, 0, 1), (25, 0, 0), (12, 60, 0), (0, 0, 61)])
    fraction = r.choice(["", "", "." + digits(r, r.randrange(1, 9)), "."])
    forms = [f"{h:02}:{m:02}:{s:02}{fraction}"] * 6 + [f"{h}:{m}", f"{h:02}:{m:02}", f"{h:02}{m:02}{s:02}{fraction}", f"{h:02}{m:02}", f"{h % 12}:{m:02} pm", f"{h % 13}:{m:02}AM",
                                                     f"T{h:02}:{m:02}:{s:02}", f"t{h:02}{m:02}{s:02}", f"{h}:{m}:{s}.{r.randrange(2000000)}", f"h{h}mm{m}s{s}",
                                                     f"{m:02}:{s:02}{fraction}", f"{h} pm"]
    return r.choice(forms)


def date(r):
    return r.choice([day(r)] * 12 + ["today", "tomorrow", "yesterday", "now", "epoch", "infinity", "-infinity", "allballs", day(r) + " " + clock(r),
                                     day(r) + " " + r.choice(ZONES), "", "0000-01-01", "10000-01-01", "5874897-12-31", "5874898-01-01", "4714-11-24 BC", "4714-11-23 BC",
                                     "1-1-1", "29 feb 1900", "99-99-99", "J0", "J-1", "+infinity", "infinity x"])


def time(r):
    return r.choice([clock(r)] * 10 + [clock(r) + r.choice(["", " "]) + r.choice(ZONES), day(r) + " " + clock(r), "allballs", "now", "today", "", "24:00:00", "23:59:59.9999999",
                                       day(r) + " " + clock(r) + " " + r.choice(ZONES)])


def timestamp(r):
    sep = r.choice([" ", " ", " ", "T", "  ", "t"])
    forms = [day(r) + sep + clock(r)] * 10 + [day(r) + sep + clock(r) + r.choice(["", " "]) + r.choice(ZONES)] * 6 + \
        [day(r), clock(r), clock(r) + " " + day(r), "now", "today", "tomorrow", "yesterday", "epoch", "infinity", "-infinity", "now " + r.choice(ZONES), day(r) + " allballs",
         "today " + clock(r), f"J{r.randrange(1721426, 5373484)}.{digits(r, 4)}", f"{r.choice(MONTHS)} {r.randrange(1, 29)} {clock(r)} {year(r)}",
         f"{r.choice(MONTHS)} {r.randrange(1, 29)} {clock(r)} {r.choice(ZONES)} {year(r)}", f"{year(r):04}0102T{r.randrange(24):02}0506", f"{year(r):04}0102T040506-03",
         "294276-12-31 23:59:59", "294277-01-01", "20011227 040506.789+08", "2001-12-27T04:05:06.789-08", "2001-12-27 04:05:06.789 America/Los_Angeles", "J2451187 040506.789-08",
         f"J{r.randrange(2440000, 2460000)}+02", "2000-02-30", "x" * 200, "2001-01-01 " * 5, "1 1 1 1 1 1 1", "04:05:06 jan 1 2000 pst", "Thu Dec 17 07:37:16 1997 PST"]
    return r.choice(forms)


UNITS = ["second", "seconds", "sec", "s", "minute", "minutes", "min", "m", "hour", "hours", "h", "day", "days", "d", "week", "w", "month", "mons", "mon", "year", "years", "y", "decade",
         "century", "millennium", "ms", "msec", "us", "usec", "microsecond", "milliseconds", "quarter", "qtr", "timezone", "foo", "c", "mil", "decs"]


def interval(r):
    def number():
        return r.choice(["", "", "-", "+"]) + r.choice([str(r.randrange(100)), str(r.randrange(100)), f"{r.randrange(100)}.{digits(r, r.randrange(1, 8))}", str(r.randrange(10 ** 10)),
                                                         f".{digits(r, 3)}"])

    def amount(unit):
        n = r.choice(["", "", "-"]) + r.choice([str(r.randrange(100)), f"{r.randrange(100)}.{r.randrange(100)}"])
        return n + unit
    parts = [number() + r.choice(["", " "]) + r.choice(UNITS) for _ in range(r.randrange(1, 4))]
    forms = [" ".join(parts)] * 6 + [" ".join([*parts, clock(r)])] * 3 + [
        " ".join([*parts, "ago"]), number(), f"{number()} {clock(r)}", clock(r), "-" + clock(r), f"{r.randrange(20)}-{r.randrange(14)}", f"-{r.randrange(20)}-{r.randrange(14)} -3 -4:05:06",
        f"{r.randrange(20)}-{r.randrange(12)} {r.randrange(20)} {clock(r)}", "@ " + " ".join(parts) + " ago",
        "P" + "".join(amount(u) for u in r.sample("YMWD", r.randrange(5))) + r.choice(["", "T" + "".join(amount(u) for u in r.sample("HMS", r.randrange(4)))]),
        f"P{r.randrange(3000):04}-{r.randrange(13):02}-{r.randrange(32):02}T{r.randrange(25):02}:{r.randrange(61):02}:{r.randrange(61):02}",
        f"P{r.randrange(3000):04}{r.randrange(13):02}{r.randrange(32):02}T{r.randrange(25):02}{r.randrange(61):02}{r.randrange(61):02}", "P", "PT", "P1", "PT1", "P1Y2", "P1YT", "PT1:2:3", "P-1.5D",
        "", "1", "1 1", "ago", "1 day ago ago", "1 ago day", "infinity", "2147483647 months", "2147483648 months", "178956970 years 7 months", "178956971 years",
        "-178956970 years -8 months", "9223372036854775807 us", "9223372036854775808 us", "2562047788:00:54.775807", "2562047788:00:54.775808", "-2147483648 days", "1e3 days", "1 second 1 millisecond",
        "1.5 seconds 3 ms", "1 day 1 day", "1 mon 1 month", "0.1 months", "0.7 years", "1.9999999 us", "0.5 us", "-0.5 us", "1000000000000000000000 seconds", "1:2:3:4", "12:60", "1 year 1 decade"]
    return r.choice(forms)


# ---- json

def json_string(r):
    return '"' + "".join(r.choice(["a", "é", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\\"", "\\\\", "\\/", "\\b", "😀", "\\u0001", "key", "\x7f", "\\u2028"]) for _ in range(r.randrange(5))) + '"'


def json_number(r):
    return r.choice(["0", "-0", "1", "-1.50", "1e5", "1E-7", "12345678901234567890", "0.1", "1.0", "-0.0", "1e400", str(r.randrange(1000)), "3.14e+2"])


def json_value(r, depth=0):
    how = r.random()
    if depth > 4 or how < 0.4:
        return r.choice(["null", "true", "false", json_string(r), json_number(r), json_number(r)])
    ws = r.choice(["", "", " ", "\n ", "\t"])
    if how < 0.7:
        return "[" + ("," + ws).join(json_value(r, depth + 1) for _ in range(r.randrange(4))) + ws + "]"
    keys = [r.choice(['"a"', '"b"', '"aa"', '""', '"\\u0061"', '"é"', json_string(r)]) for _ in range(r.randrange(5))]
    return "{" + ws + ("," + ws).join(key + ws + ":" + ws + json_value(r, depth + 1) for key in keys) + "}"


def json(r):
    return r.choice([json_value(r)] * 20 + ["", " ", "nul", "[1,]", "{\"a\":}", "{,}", "{\"a\" 1}", "[1 2]", "01", "1.", ".5", "+1", "1e", "-", "\"\\x\"", "\"\\u00g0\"", "\"\\u12", "\"abc", "\"a\tb\"",
                                            "\"\\u0000\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\ud83d\"", "\"\\ud83dx\"", "\"\\ud83d\\n\"", "[1]]", "{} x", "tru", "trueish", "'a'", "{a:1}",
                                            "{\"a\":1,}", "{1:2}", "[", "{", "[[[[", "]", "{\"a\"", "1 2", "NaN", "[1,2,\n3 4\n]", "\u00e9", "[" * 100 + "]" * 100, "\"" + "x" * 100 + "\" y",
                                            "{\"" + "k" * 70 + "\": nope, \"x\": 1}"])


def uuid(r):
    h = r.randbytes(16).hex()
    text = f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
    return r.choice([text, text, text.upper(), h, "{" + text + "}", "-".join(h[i:i + 4] for i in range(0, 32, 4)), h[:-1], text + "0", "{" + text, text.replace("-", "--"), h[:2] + "-" + h[2:],
                     "", text + "-"])


# ---- network

def inet(r):
    v4 = ".".join(str(r.choice([0, 1, 10, 127, 192, 224, 240, 255, r.randrange(256)])) for _ in range(r.choice([4, 4, 4, 4, 3, 2, 1])))
    words = [r.choice(["0", "0", "1", "ffff", "db8", "%x" % r.randrange(65536)]) for _ in range(8)]
    v6 = ":".join(words)
    at, n = r.randrange(8), r.randrange(1, 8)
    short = (":".join(words[:at]) + "::" + ":".join(words[at + n:])) if at + n <= 8 else v6
    v6 = r.choice([v6, short, "::" + v4, "::ffff:" + v4, "::", "::1", "::2", "fe80::1%eth0", short.upper()])
    host = r.choice([v4, v4, v6])
    return r.choice([host, host, host + "/" + str(r.randrange(0, 34)), host + "/" + str(r.randrange(0, 130)), host + "/", host + ".", host + "/08", host + "/24x", "256.1.1.1", "1.2.3.4.5", " 1.2.3.4",
                     "", "0x0a01", "0x0a0/12", "10", "10/8", "1..2"])


def network(r):
    """Mostly with host bits cleared, so that cidr takes it."""
    bits = r.randrange(33)
    v = r.randrange(1 << 32) >> (32 - bits) << (32 - bits) if bits else 0
    v4 = ".".join(str(v >> s & 255) for s in (24, 16, 8, 0))
    bits6 = r.randrange(129)
    w = r.randrange(1 << 128) >> (128 - bits6) << (128 - bits6) if bits6 else 0
    v6 = ":".join("%x" % (w >> s & 65535) for s in range(112, -16, -16))
    return r.choice([f"{v4}/{bits}", f"{v4}/{bits}", f"{v6}/{bits6}", inet(r), "192.168", "224", "224.1", "10.1.2", "255", "128.1", "0x80", "1.2.3.4"])


def macaddr(r):
    h = r.randbytes(6).hex()
    p = [h[i:i + 2] for i in range(0, 12, 2)]
    return r.choice([":".join(p), ":".join(p), "-".join(p), h, h[:6] + ":" + h[6:], h[:6] + "-" + h[6:], h[:4] + "." + h[4:8] + "." + h[8:], h[:4] + "-" + h[4:8] + "-" + h[8:], ":".join(p).upper(),
                     ":".join(p[:5]), ":".join(p) + ":", ":".join(p) + " ", " " + ":".join(p), "1:2:3:4:5:6", "100:2:3:4:5:6", ":".join(p) + "x", "", "08:00-2b:01:02:03"])


def macaddr8(r):
    h = r.randbytes(8).hex()
    p = [h[i:i + 2] for i in range(0, 16, 2)]
    sep = r.choice(":-.")
    return r.choice([sep.join(p), sep.join(p), sep.join(p[:6]), h, h[:12], h[:8] + sep + h[8:], sep.join(p[:7]), ":".join(p[:4]) + "-" + ":".join(p[4:]), " " + sep.join(p) + " ", sep.join(p) + " x", h + "0",
                     h[:12] + "0", sep.join(p) + sep, "", "g" + h[1:], sep.join(p[:6]) + sep])


# ---- arrays

def quote(r, text):
    if r.random() < 0.7 or text == "" or any(c in text for c in '{},"\\ \t\n\v\f\r') or text.lower() == "null":
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def array(element):
    def level(r, dims):
        if not dims:
            return "NULL" if r.random() < 0.1 else quote(r, element(r))
        gap = r.choice(["", "", " "])
        return "{" + gap + ("," + gap).join(level(r, dims[1:]) for _ in range(dims[0])) + gap + "}"

    def make(r):
        dims = [r.randrange(0, 5)] if r.random() < 0.6 else [r.randrange(1, 4) for _ in range(r.randrange(1, 4))]
        text = level(r, dims)
        if r.random() < 0.1:
            text = "".join(f"[{r.choice([1, 1, 1, 0, 2])}:{d}]" for d in dims) + "=" + text
        return text
    return make


ARRAY_EDGES = ["{}", " { } ", "{1,}", "{,1}", "{{}}", "{{},{}}", "{1,{2}}", "{{1},2}", "{{1},{2,3}}", "{", "}", "", "1", "{1", "{1}}", "{1} x", "{\"1}", "{\"1\"2}", "{1\"2\"}", "{1 2}", "{ 1 , 2 }",
               "{null}", "{NULL}", "{\"null\"}", "{nUll,x}", "{\\null}", "{a\\ }", "{a\\}", "[1:2]={1,2}", "[1:3]={1,2}", "[2:3]={1,2}", "[2]={1,2}", "[1:2] = {1,2}", "[1:2]{1,2}", "[1:2", "[a]={1}",
               "[1:]={1}", "[2:1]={1,2}", "[1:1][1:2]={{1,2}}", "[1:2][1:1]={{1,2}}", "{{{{{{1}}}}}}", "{{{{{{{1}}}}}}}", "[1:1][1:1][1:1][1:1][1:1][1:1][1:1]={{{{{{{1}}}}}}}", "{\"\\\"\"}", "{\"a\" , \"b\"}",
               "{\"a\" b}", "{a{b}", "{a}b}", "{{1}{2}}", "{{1}", "{\t1\n}", "{-1}", "[-1:0]={1,2}", "[1:1]=1", "{1,2}{3}", "{1;2}"]


def vector(r):
    return r.choice(["", " ", "1", "1 2 3", " 1  2 ", "x", "1,2", "1 x", "70000", "-1", "0", "1\t2", " ".join(str(r.randrange(100)) for _ in range(r.randrange(10)))])


# type: (random texts, edges)
TYPES = {
    "bool": (boolean, []),
    "int2": (integer(16), ["32767x", "99999999999999999999x", "", " ", "0x10", "1_0", "1.0", "- 1", "+-1"]),
    "int4": (integer(32), ["2147483648x", "4294967296", "", "0b1", "1e3", " 7 ", "\v7\f"]),
    "int8": (integer(64), ["9223372036854775807", "-9223372036854775808", "-9223372036854775809", "9223372036854775808", "18446744073709551616", "1" * 100]),
    "oid": (unsigned, []),
    "xid": (unsigned, ["abc", "-5"]),
    "cid": (unsigned, []),
    "xid8": (unsigned, ["9223372036854775807", "12abc", "-1"]),
    "float8": (double, ["0", "-0", "1e15", "999999999999999", "1e14", "123456789012345", "1234567890123456", "0.0001", "0.00001", "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308",
                        "9007199254740993", "5.6843418860808015e-14", "1e23", "8.41", "2.2250738585072011e-308", "4.35", "9.5367431640625e-07"]),
    "float4": (single, []),
    "numeric": (numeric, ["0", "-0", "0.0", "-0.00", "00012.3400", "1e5", "1.5e-3", "99999999999999999999.99999", "0.0001", "0.00001", "10000", "100000000", "1e4", "1e-4", "1e-5"]),
    "text": (text_like, []),
    "varchar": (text_like, []),
    "name": (name, ["é" * 40, "a" * 63, "a" * 64, "a" * 62 + "é", "日" * 22]),
    "char": (one_char, []),
    "bytea": (bytea, ["\\x", "", "\\X00", "\\x0", "\\x0g", "\\xgg", "a\\b", "\\\\", "\\"]),
    "date": (date, []),
    "time": (time, []),
    "timetz": (time, []),
    "timestamp": (timestamp, []),
    "timestamptz": (timestamp, []),
    "interval": (interval, []),
    "uuid": (uuid, []),
    "json": (json, []),
    "jsonb": (json, []),
    "inet": (inet, []),
    "tsvector": (text_search_texts.vector, ["", "'a':1A 'b'", "a:1,1A b a:2", "'it''s' 'a\\\\b':16383"]),
    "tsquery": (text_search_texts.query, ["'a'", "!a & (b | c:*AB) <-> d <2> e", "a & (b & c)", "a <-> (b <-> c)", "a <20000> b"]),
    "cidr": (network, []),
    "macaddr": (macaddr, []),
    "macaddr8": (macaddr8, []),
    "int2vector": (vector, []),
    "oidvector": (vector, []),
    "refcursor": (text_like, []),
    "_bool": (array(boolean), []),
    "_int2": (array(integer(16)), []),
    "_int4": (array(lambda r: str(r.randrange(-1000, 1000))), ARRAY_EDGES),
    "_int8": (array(integer(64)), []),
    "_oid": (array(unsigned), []),
    "_float4": (array(single), []),
    "_float8": (array(double), []),
    "_numeric": (array(numeric), []),
    "_text": (array(any_text), ARRAY_EDGES),
    "_varchar": (array(any_text), []),
    "_name": (array(any_text), []),
    "_char": (array(one_char), []),
    "_bytea": (array(bytea), []),
    "_date": (array(date), []),
    "_time": (array(clock), []),
    "_timetz": (array(lambda r: clock(r) + "+02"), []),
    "_timestamp": (array(timestamp), []),
    "_timestamptz": (array(timestamp), []),
    "_interval": (array(interval), []),
    "_uuid": (array(uuid), []),
    "_json": (array(json), []),
    "_jsonb": (array(json), []),
    "_inet": (array(inet), []),
    "_cidr": (array(network), []),
    "_macaddr": (array(macaddr), []),
    "_macaddr8": (array(macaddr8), []),
}


def texts(type_name, seed, count):
    """Edges, then random texts, one in six of them with an error in it."""
    make, edges = TYPES[type_name]
    r = random.Random(f"{seed} {type_name}")
    made = [blanks(r, make(r)) for _ in range(count)]
    return [text.encode() for text in edges + [mutate(r, text) if r.random() < 1 / 6 else text for text in made] if "\0" not in text]


def broken_binaries(good, seed, count):
    """Right values with bytes changed, cut short or added."""
    r = random.Random(f"{seed} binary")
    out = [b"", b"\0", b"\xff" * 3]
    for _ in range(count if good else 0):
        data = bytearray(r.choice(good))
        how = r.random()
        if how < 0.3:
            data = data[:r.randrange(len(data) + 1)]
        elif how < 0.4:
            data += r.randbytes(r.randrange(1, 5))
        elif data:
            for _ in range(r.randrange(1, 3)):
                data[r.randrange(len(data))] = r.choice([0, 1, 2, 0x7F, 0x80, 0xFF, r.randrange(256)])
        out.append(bytes(data))
    return out
