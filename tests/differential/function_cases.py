"""Cases of test_functions.py: lists in functions/*.sql, and templates of to_char and its kin made up by chance.

A line of a list is an expression or a whole SELECT. A comment before it says what is known of it:
  -- refused: why    pgd1 answers an error that is its own (0A000, 22008…), PostgreSQL may answer anything
  -- wording: why    both fail with the same SQLSTATE, in other words
  -- differs: why    a known fault
  -- constant: why   not tried over columns
  -- syntax: why     a syntax error may have other words
Lists that begin with CREATE work on tables of their own, which lie in D1.
"""
import pathlib
import random
import re
from dataclasses import dataclass

import text_search_texts

FOLDER = pathlib.Path(__file__).parent / "functions"
LISTS = sorted(path.stem for path in FOLDER.glob("*.sql"))


@dataclass
class Case:
    sql: str
    known: str = ""  # refused, wording, differs, constant, syntax


def listed(name):
    known = ""
    for line in (FOLDER / f"{name}.sql").read_text().splitlines():
        if line.startswith("-- "):
            known = line[3:].split(":")[0]
        elif line.strip():
            select = line.upper().startswith(("SELECT ", "WITH ", "CREATE ", "INSERT "))
            yield Case(line if select else f"SELECT {line}", known)
            known = ""


# ---- constants become columns

TYPE = r"(?:double precision|character varying|timestamp with(?:out)? time zone|timestamp|[a-z_][a-z_0-9]*|\"char\")" \
       r"(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*"
PIECES = re.compile(rf"""(?P<typed>\b(?:date|timestamptz|timestamp|time|interval)\s+'(?:[^']|'')*')
    |(?P<string>\bE?'(?:[^']|'')*'|'(?:[^']|'')*')(?:::(?P<type>{TYPE}))?
    |(?P<cast>::{TYPE})
    |(?P<word>[A-Za-z_"$][A-Za-z_0-9"$]*(?:\(\d+\)(?=\s|$|,|\)))?)
    |(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)(?:::(?P<number_type>{TYPE}))?""", re.X)


@dataclass
class ColumnCase:
    statements: list  # CREATE TABLE, INSERT, SELECT, DROP TABLE
    known: str = ""


def column_of(piece, all_of_them):
    """The constant and its type; None: it stays."""
    if piece["typed"]:
        kind, value = piece["typed"].split(None, 1)
        return value, kind
    if piece["string"]:
        return (piece["string"], piece["type"] or "text") if piece["type"] or all_of_them else None
    number = piece["number"]
    if not number or not (piece["number_type"] or all_of_them):
        return None
    integer = "numeric" if re.search(r"[.eE]", number) else "int4" if int(number) < 2**31 else "int8" if int(number) < 2**63 else "numeric"
    return number, piece["number_type"] or integer


def over_columns(name, cases):
    for index, case in enumerate(cases):
        if case.known or not case.sql.startswith("SELECT ") or re.search(r"\bFROM \(|\bfrom \(| [Ff][Rr][Oo][Mm] [a-z_]+(\(| |$)", case.sql):
            continue
        for all_of_them in (True, False):
            table, columns = f"c_{name}_{index}_{int(all_of_them)}", []

            def replace(piece):
                found = column_of(piece, all_of_them)
                if not found:
                    return piece.group()
                columns.append(found)
                return f"a{len(columns)}"
            sql = PIECES.sub(replace, case.sql[len("SELECT "):])
            if columns:
                yield ColumnCase([f"CREATE TABLE {table} ({', '.join(f'a{i} {kind}' for i, (_, kind) in enumerate(columns, 1))})",
                                  f"INSERT INTO {table} VALUES ({', '.join(f'{value}::{kind}' for value, kind in columns)})",
                                  f"SELECT {sql} FROM {table}", f"DROP TABLE {table}"], case.known)


def quoted(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


# ---- dates and times

DATE_WORDS = """A.D. A.M. AD AM B.C. BC CC D DAY DD DDD DY Day Dy FF1 FF2 FF3 FF4 FF5 FF6 HH HH12 HH24 I ID IDDD IW IY IYY IYYY J MI MM MON MONTH
MS Mon Month OF P.M. PM Q RM SS SSSS SSSSS TZ TZH TZM US W WW Y Y,YYY YY YYY YYYY a.d. a.m. ad am b.c. cc d day dd ddd dy ff3 hh hh12 hh24 i id
iddd iw iyyy j mi mm mon month ms of pm q rm ss ssss tz tzh tzm us w ww y y,yyy yy yyyy FX Hh24 mM dY""".split()
BETWEEN = ["", "", " ", "-", "/", ":", ",", '"q\'x"', '"a\\b"', '\\"', "x", "é", "  ", ".", " FM"]
TIMESTAMPS = ["2024-02-29 13:45:06.789012", "2020-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2021-01-03 12:00:00.5", "2000-12-25 11:07:00",
              "0001-01-01 00:00:00", "0999-03-04 05:06:07", "9999-12-31 01:02:03.04", "1900-06-15 12:30:00", "2026-01-01 04:05:06",
              "2011-11-11 11:11:11.11", "infinity"]
INTERVALS = ["1 year 2 mons 3 days 04:05:06.789", "-1 year -2 mons -3 days -04:05:06.789", "0", "25 hours", "-25 hours 30 minutes", "12 mons",
             "100 years 11 mons 45 days", "-7 mons", "1 mon -5 days 13:00", "-3 years", "00:00:00.000001", "-00:00:00.5", "1000000 hours",
             "15 days"]


def date_template(rng):
    parts = [rng.choice(["", "", "", "FM", "fm", "TM", "FMTM"]) + rng.choice(DATE_WORDS) + rng.choice(["", "", "", "TH", "th", "SP"]) +
             rng.choice(BETWEEN) for _ in range(rng.randint(1, 5))]
    return quoted("".join(parts))


def to_char_dates(rng, count):
    for _ in range(count):
        kind, template = rng.choice(["timestamp", "timestamptz", "interval"]), date_template(rng)
        value = rng.choice(INTERVALS) if kind == "interval" else rng.choice(TIMESTAMPS)
        zone = "+00" if kind == "timestamptz" and value != "infinity" else ""
        yield Case(f"SELECT to_char('{value}{zone}'::{kind},{template})")


FIELD_TEXTS = {"YYYY": ["2024", "1999", "0099", "2030"], "YY": ["24", "99", "70", "69"], "MM": ["01", "2", "12", "02", "13"],
               "DD": ["01", "9", "31", "28"], "Mon": ["Jan", "FEB", "dec"], "Month": ["January", "may", "OCTOBER"], "HH24": ["00", "23", "7"],
               "HH12": ["01", "12", "7"], "MI": ["00", "59", "5"], "SS": ["00", "59", "5"], "MS": ["5", "25", "250"], "US": ["5", "123456"],
               "AM": ["am", "PM"], "DDD": ["001", "60", "365"], "IYYY": ["2024", "2020"], "IW": ["01", "53", "9"], "ID": ["1", "7"],
               "BC": ["AD", "BC"], "TZH": ["+01", "-11", "5"], "TZM": ["30"], "J": ["2460000"], "Dy": ["Mon", "sun"], "CC": ["20", "21"],
               "Y,YYY": ["2,024", "1,999"], "WW": ["1", "53"], "W": ["3"], "RM": ["viii", "IV"], "Q": ["2"], "SSSS": ["50000"], "FF3": ["12", "123"],
               "DDth": ["2nd", "3rd"]}


def to_dates(rng, count):
    for _ in range(count):
        words = rng.sample(list(FIELD_TEXTS), rng.randint(1, 6))
        marks = [rng.choice([" ", "-", "/", ":", "", ".", ", ", "T"]) for _ in words]
        template = rng.choice(["", "", "", "FX"]) + "".join(rng.choice(["", "", "", "FM"]) + word + mark for word, mark in zip(words, marks))
        text = "".join((rng.choice(FIELD_TEXTS[word]) if rng.random() < .95 else "x") + (mark if rng.random() < .9 else rng.choice(["", " ", "-"]))
                       for word, mark in zip(words, marks))
        yield Case(f"SELECT {rng.choice(['to_date', 'to_timestamp'])}({quoted(text)},{quoted(template)})")


# ---- numbers

NUMBERS = ["0", "1", "-1", "12.345", "-12.345", "0.5", "-0.5", "0.05", "123456.789", "-485", "485", "0.1", "99.995", "-0.001",
           "1234567890123456.789", "12", "11", "13", "22", "103", "3999", "4000", "0.00", "100", "-3.14159", "1e10", "NaN", "Infinity", "-Infinity"]
INTEGERS = ["0", "1", "-1", "12", "-12", "485", "-485", "123456", "2147483647", "-2147483648", "11", "13", "101", "3999", "4000"]
NUMBER_TEMPLATES = """999|9.99|FM999.99|FM9990.99|0000|S999|999S|999MI|MI999|999PR|FM999PR|9,999,999.99|FM9,999,999.00|9G999D99|L9999.99|RN|FMRN|
9.99EEEE|9EEEE|99V99|FM99V99|999th|FM999TH|SG999|PL999|999SG|999PL|S9.99|9.9S|B9999|00999.990|FM00999.990|FM999999990.00|999D99|"num" 999|FM9.9|9.9|
FM0.9|0.9|FM.99|.99|FM90.99|S000|FMS999.9|99999999999999999.9999|0,0|FM0,000|FM9,999|9 9 9|999PRMI|PRMI999|99PR.9|FM|L|C99|FMMI9.9|FMPL9.9|9V9.|
V99|9.EEEE|0.0EEEE""".replace("\n", "").split("|") + [""]
NUMBER_TOKENS = ["9", "9", "9", "9", "9", "0", "0", ".", "D", ",", "G", "S", "MI", "PL", "SG", "PR", "L", "V", "TH", "th", "FM", "RN", "rn", "EEEE",
                 "B", "C", "SP", "x", '"a b"', " ", "s", "fm"]


def number_template(rng):
    if rng.random() < .3:
        return "".join(rng.choice(NUMBER_TOKENS) for _ in range(rng.randint(1, 9)))

    def digits(n):
        return "".join(rng.choice("99990") for _ in range(rng.randint(0, n)))
    body = digits(6) + rng.choice([",", "G", "", ""]) + digits(4) + rng.choice([".", "D", "", ""]) + digits(4)
    for token in ("S", "MI", "PL", "SG", "PR", "FM", "L", "TH", "B", "V9", "EEEE"):
        if rng.random() < .18:
            before = rng.random() < .5 and token not in ("PR", "EEEE", "TH")
            body = token + body if before else body + token
    return body


def to_char_numbers(rng, count):
    for template in NUMBER_TEMPLATES:
        for kind in ("numeric", "float8", "float4"):
            for value in rng.sample(NUMBERS, 8):
                yield Case(f"SELECT to_char('{value}'::{kind},'{template}')")
        for kind in ("int4", "int8"):
            for value in rng.sample(INTEGERS, 4):
                yield Case(f"SELECT to_char('{value}'::{kind},'{template}')")
    for _ in range(count):
        kind = rng.choice(["numeric", "numeric", "float8", "float4", "int4", "int8"])
        value = rng.choice(INTEGERS if kind.startswith("int") else NUMBERS)
        yield Case(f"SELECT to_char('{value}'::{kind},'{number_template(rng)}')")


READ_NUMBERS = ["123", "-123", "12.34", "1,234.56", "1234.56", "-1,234.5", "<12>", "12-", "+12", "12+", "$12.30", "abc", "", "  12", "1 2 3",
                "12.345", "-12.34-", "1.", "0012", ".5", "-.5", "12th", "1st3", "9999999", "a12", "é12", "12é", "1,2,3", "- 12", "12 -", "1.2.3"]


def to_numbers(rng, count):
    for template in NUMBER_TEMPLATES:
        for text in rng.sample(READ_NUMBERS, 8):
            yield Case(f"SELECT to_number('{text}','{template}')")
    for _ in range(count):
        text = "".join(rng.choice("0123456789.,+- <>a$") for _ in range(rng.randint(1, 7)))
        template = "".join(rng.choice(NUMBER_TOKENS[:21] + ["x", " "]) for _ in range(rng.randint(1, 7)))
        yield Case(f"SELECT to_number('{text}','{template}')")


# ---- jsonpath

DOCUMENTS = ['{"a":1}', '{"a":[1,2,3]}', '[1,2,3]', '{"a":{"b":[{"c":1},{"c":2}]}}', '"s"', 'null', 'true', '12.5', '[]', '{}',
             '[[1,2],[3,[4]]]', '{"a":[{"b":1,"s":"abc"},{"b":null},{"b":"x"}],"n":-2.5}',
             '[{"price":5,"title":"Tom"},{"price":15,"title":"Ann"}]', '["abc","ABC","a\\nb"]']
PATHS = ['$', '$.a', 'strict $.a', '$.a[*]', 'strict $.a[*]', '$[*]', '$[0]', '$[last]', '$[1 to 2]', '$[5]', 'strict $[5]',
         'strict $[0 to 9]', '$[0,2]', '$[last - 1]', '$.*', '$.**', '$.**.c', '$.**{1}', '$.**{last}', '$.a.b.c', '$.a.b[*].c',
         '$ ? (@ > 1)', '$[*] ? (@ > 1)', '$.a ? (@ == 1)', '$.a[*] ? (@.b == null)', '$.a[*] ? (@.b != null)', '$.a[*].b',
         'strict $.a[*].b', '$.a == 1', '$[*] > 2', '$.a[*] > 2 && $.a[*] < 2', '$.n + 1', '-$.n', '$.n.abs()', '$.n.ceiling()',
         '$.a.size()', '$.size()', 'strict $.size()', '$.type()', '$[*].type()', '$.a.type()', '$.a + 1', '$.a / 0', '$ + 1', '$[*] + 1',
         '$.a[*] * 2', 'exists($.a)', '!exists($.a)', 'strict exists($.x)', '($.a == 1) is unknown', '$[*].title ? (@ starts with "T")',
         '$[*] ? (@.price < 10).title', '$[*] like_regex "^a"', '$[*] ? (@ like_regex "^A" flag "i")', '$[*] ? (@ like_regex "a.b")',
         '$[*] ? (@ like_regex "a.b" flag "s")', '$[$x]', '$x', '$.a ? (@ > $y)', '$.a[*] ? (@ >= $y && @ <= $z)', '$.double()',
         '$.a.double()', '$[*].double()', '$ > 1', '$.a[0].b', '$[0][1]', '$[*][*]', '$[*] ? (@.type() == "number")', '$[*].floor()',
         '$.a % 2', '+$.a', '$ ? (@.a[*] > 2)', '$ ? (exists(@.a[*] ? (@ > 2)))', '$[*] == $[*]', '$.a < "b"', '$[-1]', '$["a"]',
         '$[1.7]', '$.*.size()', '$.**.type()', '$.**{1 to 2}.b', '$.a ? (@ == 1 || @ == 2)', '"x".type()', '1', 'null',
         '$.a ? (1 == 1)', 'strict $.**.c', 'strict $.**.b', '$.a[*] ? (!(@.b == 1))', '$.a[*] ? ((@.b > 1) is unknown)',
         '$[*] ? (@ == "abc")', '$[*] <= "abc"']
PATH_PARTS = ["$", "@", ".a", ".b", "[*]", "[0]", "[last]", ".*", ".**", "?(", ")", "(", "==", ">", "1", "-", "+", "&&", "||", "!", '"x"', "null", "strict",
              "exists", "is unknown", "starts with", "to", ",", "[", "]", ".size()", ".type()", "true", " ", "last"]


def jsonpaths(rng, count):
    """Two of three are paths that work on some documents; the others are words in any order, mostly errors."""
    for _ in range(count):
        document = "'" + rng.choice(DOCUMENTS).replace("'", "''") + "'"
        path = "'" + rng.choice(PATHS).replace("'", "''") + "'"
        if rng.random() < .3:
            path = "'" + " ".join(["$"] + [rng.choice(PATH_PARTS) for _ in range(rng.randint(0, 5))]) + "'"
            yield Case(f"SELECT jsonb_path_query_array({document}::jsonb, {path}::jsonpath), {path}::jsonpath", "syntax")
            continue
        yield Case("SELECT " + rng.choice([
            f"jsonb_path_query_array({document}::jsonb, {path}, '{{\"x\":1,\"y\":2,\"z\":3}}')", f"jsonb_path_exists({document}::jsonb, {path}, '{{\"x\":1,\"y\":2}}')",
            f"{document}::jsonb @? {path}", f"{document}::jsonb @@ {path}", f"jsonb_path_query_first({document}::jsonb, {path}, silent => true)",
            f"jsonb_path_match({document}::jsonb, {path})", f"jsonb_path_query({document}::jsonb, {path}, '{{}}', true)", f"{path}::jsonpath"]))


# ---- families whose functions take a value or two of a kind

def addresses(rng):
    """An inet or cidr literal; host bits of a cidr are cleared by network()."""
    if rng.random() < .6:
        text, width = ".".join(str(rng.choice([0, 1, 10, 127, 128, 192, 255, rng.randrange(256)])) for _ in range(4)), 32
    else:
        words = [rng.choice(["0", "0", "0", "1", "ffff", "ff00", "2001", f"{rng.randrange(65536):x}"]) for _ in range(8)]
        text, width = ":".join(words), 128
    mask = rng.choice(["", f"/{rng.randint(0, width)}", f"/{rng.choice([0, 8, 16, 24, 31, 32])}"])
    return f"'{text}{mask}'::inet" if rng.random() < .6 else f"network('{text}{mask}'::inet)"


def networks(rng, count):
    one = ["host", "text", "abbrev", "broadcast", "netmask", "hostmask", "network", "masklen", "family"]
    two = ["<<", "<<=", ">>", ">>=", "&&", "=", "<", ">=", "<>"]
    for _ in range(count):
        a, b = addresses(rng), addresses(rng)
        kind = rng.random()
        if kind < .5:
            yield Case(f"SELECT {rng.choice(one)}({a})")
        elif kind < .85:
            yield Case(f"SELECT {a} {rng.choice(two)} {b}")
        else:
            yield Case("SELECT " + rng.choice([f"set_masklen({a}, {rng.randint(-2, 130)})", f"inet_same_family({a}, {b})", f"inet_merge({a}, {b})",
                                               f"{a} + {rng.choice([0, 1, -1, 255, 65536, -70000])}", f"{a} - {rng.choice([0, 1, 300])}",
                                               f"{a} - {b}", f"~ ({a})", f"{a} & {b}", f"{a} | {b}", f"({a})::cidr"]))


def angles(rng, count):
    one = ["sind", "cosd", "tand", "cotd", "asind", "acosd", "atand", "degrees", "radians", "cbrt", "exp", "ln", "log", "sqrt", "ceil", "floor",
           "round", "trunc", "sign", "abs", "sinh", "tanh"]
    for _ in range(count):
        near = rng.choice([rng.randrange(-720, 721, 15), rng.uniform(-400, 400), rng.uniform(-1, 1), rng.choice([0, 1, -1, .5, -.5, 30, 1e10])])
        value = rng.choice([repr(float(near))] * 9 + ["NaN", "Infinity", "-Infinity"])
        if rng.random() < .1:
            yield Case(f"SELECT atan2d('{value}'::float8, {rng.choice([0, 1, -1, 3])}), power('{value}'::float8, {rng.choice([0, 1, 2, -1])})")
        else:
            yield Case(f"SELECT {rng.choice(one)}('{value}'::float8)")


def byte_strings(rng, count):
    def some(most=6):
        return "'\\x" + "".join(rng.choice(["00", "ff", "61", "5c", "25", "5f", "c3a9", "20"]) for _ in range(rng.randint(0, most))) + "'::bytea"
    for _ in range(count):
        a, b, i, j = some(), some(2), rng.randint(-2, 9), rng.randint(-2, 9)
        yield Case("SELECT " + rng.choice([
            f"trim({rng.choice(['both', 'leading', 'trailing'])} {b} from {a})", f"{a} like {b}", f"{a} not like {b}", f"{a} like {b} escape {some(1)}",
            f"substring({a} from {i} for {j})", f"substring({a} from {i})", f"position({b} in {a})", f"overlay({a} placing {b} from {i})",
            f"overlay({a} placing {b} from {i} for {j})", f"get_byte({a}, {i})", f"set_byte({a}, {i}, {rng.randint(-1, 300)})", f"get_bit({a}, {i * 5})",
            f"set_bit({a}, {i * 5}, {rng.randint(0, 2)})", f"bit_count({a})", f"bit_length({a})", f"octet_length({a})", f"{a} || {b}", f"{a} < {b}",
            f"encode({a}, '{rng.choice(['hex', 'base64', 'escape'])}')", f"md5({a})", f"sha256({a})", f"convert_from({a}, 'UTF8')",
            f"convert_from({a}, 'LATIN1')", f"convert({a}, 'LATIN1', 'UTF8')", f"convert({a}, 'UTF8', 'LATIN1')", f"length({a}, 'UTF8')"]))


def texts(rng, count):
    def some(most=8):
        return quoted("".join(rng.choice(["a", "b", "A", "é", " ", "ß", "x", "%", ",", "日"]) for _ in range(rng.randint(0, most)))) + "::text"
    for _ in range(count):
        a, b, c, i, j = some(), some(2), some(1), rng.randint(-3, 9), rng.randint(-2, 9)
        yield Case("SELECT " + rng.choice([
            f"substring({a} from {i} for {j})", f"substring({a} from {i})", f"substr({a}, {i})", f"left({a}, {i})", f"right({a}, {i})",
            f"overlay({a} placing {b} from {i})", f"overlay({a} placing {b} from {i} for {j})", f"position({b} in {a})", f"strpos({a}, {b})",
            f"lpad({a}, {j}, {b})", f"rpad({a}, {j}, {b})", f"repeat({b}, {j})", f"replace({a}, {c}, {b})", f"translate({a}, {b}, {c})",
            f"split_part({a}, {c}, {i})", f"btrim({a}, {b})", f"ltrim({a}, {b})", f"rtrim({a})", f"initcap({a})", f"lower({a})", f"upper({a})",
            f"reverse({a})", f"length({a})", f"bit_length({a})", f"octet_length({a})", f"ascii({a})", f"starts_with({a}, {c})", f"{a} ^@ {c}",
            f"string_to_array({a}, {c})", f"concat({a}, {i}, {b})", f"concat_ws({c}, {a}, NULL, {j})", f"{a} || {i}", f"quote_literal({a})",
            f"quote_ident({a})", f"format('%s-%I-%L', {a}, {b} || 'q', {c})", f"{a} like {b} || '%'", f"{a} ilike '%' || {c} || '%'", f"md5({a})",
            f"{a}::varchar(3)", f"{a}::char(4)", f"length({a}::char(6))", f"{a} < {b}", f"{a} ~~ {b}", f"chr({abs(i) + 60})", f"to_hex({i})",
            f"regexp_replace({a}, {c}, {b}, 'g')", f"regexp_split_to_array({a}, ',')", f"encode(convert_to({a}, 'UTF8'), 'hex')"]))


def numbers(rng, count):
    def some(kind):
        value = rng.choice(["0", "1", "-1", "2", "-7", "10", "100", "32767", "-32768", "12", "5", "3"])
        if kind in ("numeric", "float8"):
            value += rng.choice(["", ".5", ".25", ".125", ".999"])
        return f"'{value}'::{kind}"
    for _ in range(count):
        kind = rng.choice(["int2", "int4", "int8", "numeric", "float8"])
        a, b, i = some(kind), some(kind), rng.randint(-3, 6)
        both = ["+", "-", "*", "/", "=", "<", ">=", "<>"] + (["%"] if kind != "float8" else []) + (["&", "|", "#"] if kind[:3] == "int" else [])
        more = {"int": [f"gcd({a}, {b})", f"lcm({a}, {b})", f"mod({a}, {b})", f"{a} << {abs(i)}", f"{a} >> {abs(i)}", f"~ {a}", f"abs({a})"],
                "num": [f"round({a}, {i})", f"trunc({a}, {i})", f"mod({a}, {b})", f"div({a}, {b})", f"gcd({a}, {b})", f"ceil({a})", f"sqrt(abs({a}))",
                        f"power(abs({a}), {i})", f"width_bucket({a}, {b}, {some(kind)}, {i + 4})", f"scale({a})", f"log(abs({a}) + 1)",
                        f"exp({a} / 100)"],
                "flo": [f"width_bucket({a}, {b}, {some(kind)}, {i + 4})", f"round({a})", f"{a}::int4", f"{a}::numeric", f"power({a}, {i})"]}
        yield Case("SELECT " + rng.choice([f"{a} {rng.choice(both)} {b}"] * 2 + more[kind[:3]] + [f"-({a})", f"greatest({a}, {b}, NULL)", f"nullif({a}, {b})"]))


def series(rng, count):
    for _ in range(count):
        kind = rng.choice(["int4", "int8", "numeric", "timestamp", "timestamptz"])
        if kind in ("timestamp", "timestamptz"):
            first, step = rng.choice(TIMESTAMPS[:5]), rng.choice(["1 day", "12 hours", "1 mon", "-1 mon", "3 days -1 hour", "1 year", "0"])
            last = f"('{first}'::{kind} + interval '{rng.randint(-3, 5)} mons')"
            yield Case(f"SELECT generate_series('{first}'::{kind}, {last}, '{step}') LIMIT 60")
        else:
            def number():
                return f"'{rng.randint(-9, 9)}{rng.choice(['', '.5', '.25']) if kind == 'numeric' else ''}'::{kind}"
            step = rng.choice([f", {number()}", ""])
            yield Case(f"SELECT x FROM generate_series({number()}, {number()}{step}) x")


# ---- text search

def literal(value):
    return "'" + value.replace("'", "''") + "'"


def search_texts(rng, count):
    """Texts cut into tokens and words; some become queries."""
    configurations = ["english", "simple", "german", "russian", "french", "spanish", "swedish", "turkish"]
    for _ in range(count):
        value, configuration = literal(text_search_texts.text(rng)), rng.choice(configurations)
        yield Case("SELECT " + rng.choice([
            f"t.tokid, t.token FROM ts_parse('default', {value}) t",
            f"to_tsvector('{configuration}', {value})",
            f"alias, token, lexemes FROM ts_debug('{configuration}', {value})",
            f"plainto_tsquery('{configuration}', {value}), phraseto_tsquery('{configuration}', {value})",
            f"websearch_to_tsquery('{configuration}', {value})",
            f"to_tsquery('{configuration}', {value})"]))


def search_queries(rng, count):
    """Vectors and queries, well-formed or not, under all their functions."""
    for _ in range(count):
        v, w = (literal(text_search_texts.vector(rng)) + "::tsvector" for _ in range(2))
        q, r = (literal(text_search_texts.query(rng)) + "::tsquery" for _ in range(2))
        weights = rng.choice(["", "'{0.3, 0.1, 0.5, 0.9}', "])
        method = rng.choice(["", f", {rng.randint(0, 63)}"])
        yield Case("SELECT " + rng.choice([
            f"{q}, numnode({q}), querytree({q}), !!{q}", f"{v}, length({v}), strip({v}), tsvector_to_array({v})",
            f"{v} @@ {q}", f"{q} @@ {v}", f"to_tsquery('english', {q[:-9]})", f"ts_rank({weights}{v}, {q}{method})",
            f"ts_rank_cd({weights}{v}, {q}{method})", f"{v} || {w}", f"{v} < {w}, {v} = {w}, {v} >= {w}",
            f"{q} && {r}, {q} || {r}, {q} <-> {r}, {q} @> {r}, {q} < {r}, {q} = {r}", f"tsquery_phrase({q}, {r}, {rng.randint(0, 9)})",
            f"setweight({v}, 'B'), setweight({v}, 'a', '{{fox,dog,nope}}'), ts_filter({v}, '{{a,b}}'), ts_delete({v}, 'fox'), ts_delete({v}, '{{fox,cat}}')",
            f"* FROM unnest({v})"]))


def headlines(rng, count):
    """Documents of few words, some long, under options that are now and then wrong."""
    words = ["fox", "foxes", "the", "dog", "cat", "ran", "quickly", "a", "of", "12", "3.5", "e-mail", "<b>", "&amp;", "x.org/y", ".", ",", "unusual"]
    for _ in range(count):
        document = literal(" ".join(rng.choices(words, k=rng.choice([3, 10, 40, 90]))) if rng.random() < 0.8 else text_search_texts.text(rng))
        query = literal(rng.choice(["fox", "fox & dog", "fox | cat", "fox <-> dog", "fox & !cat", "do:*", "fox <2> cat & ran", "", "nothing", "e-mail | org",
                                    "cat <-> (dog | fox)", "!fox", "fox:* | foxes"]))
        options = ", ".join(f"{name}{rng.choice(['=', ' = '])}{rng.choice(values)}" for name, values in rng.sample([
            ("MaxWords", ["5", "10", "20", "4", "x"]), ("MinWords", ["1", "3", "4", "5"]), ("ShortWord", ["0", "1", "4", "-1"]),
            ("MaxFragments", ["0", "1", "2", "5"]), ("HighlightAll", ["true", "off", "1"]), ("StartSel", ["<", "'<i>'", '"[["']),
            ("StopSel", [">", "'</i> '", "''"]), ("FragmentDelimiter", ["'|'", "..."])], rng.randint(1, 5)))
        options = rng.choice(["", f", {literal(options)}", f", {literal(options)}", f", {literal(options + rng.choice([',', ' x', '=', ', nope=1']))}"])
        yield Case(f"SELECT ts_headline('english', {document}, to_tsquery('english', {query}){options})")


GENERATED = {"headlines": headlines, "search_texts": search_texts, "search_queries": search_queries, "jsonpaths": jsonpaths, "networks": networks, "angles": angles, "byte_strings": byte_strings, "series": series, "texts": texts, "numbers": numbers, "to_char_dates": to_char_dates, "to_dates": to_dates, "to_char_numbers": to_char_numbers, "to_numbers": to_numbers}


def generated(name, seed, count):
    return GENERATED[name](random.Random(f"{name} {seed}"), count)
