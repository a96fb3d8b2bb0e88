"""Random regular expressions, right and wrong ones, of all of PostgreSQL's languages."""

ATOMS = ["a", "b", "ab", ".", r"\d", r"\w", r"\s", r"\D", "[ab]", "[^a]", "[a-c]", "[[:alpha:]]", "[[:digit:]x]", "(a)", "(a|b)", "(?:ab)", "()", "(a*)", "^", "$", r"\m", r"\M", r"\y", r"\A", r"\Z", "(?=a)", "(?!b)",
         "(?<=a)", "(?<!b)", r"\.", r"\n", "[.]", "[-a]", "[a-]", "[]a]", "é", r"\x41", r"\u0061", r"\B", "{", "}", "]", "x{1,2}", r"[\d]", r"[\w-]", r"[a\]]", "(?#c)", r"\1", r"\(", r"\{", "1", "2", ",", "|", "(", "[", ")", "\\",
         "[[:<:]]", "[[:foo:]]", "[b-a]", "[[.a.]]", "[[=a=]]", r"\e", r"\cA", r"\07", r"\12", r"\101", r"\q", r"\z", r"\xff00ff", r"[\ud800]", r"[^b-\x110000]"]
QUANTIFIERS = ["", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,}", "{0,2}", "{1,2}?", "{2,1}", "{256}", "{0}", "{,2}", "{1", "{a}", "**", "+*"]
PREFIXES = ["(?i)", "(?x)", "(?n)", "(?b)", "(?e)", "(?q)", "***=", "***:", "(?z)", "(?i", "***?", "*"]
TEXTS = ["", "a", "ab", "aab", "abab", "b", "a b", "abc", "A1", "a\nb", "aaa", "xx", "é", "a.b", "{1}", "a(b)", "1 2", "ba", "(a)"]
FLAGS = ["", "", "", "i", "n", "x", "b", "e", "q", "w", "p", "s", "c", "in", "qx", "z", "é"]


def literal(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"


def pattern(rng):
    text = "".join(rng.choice(ATOMS) + rng.choice(QUANTIFIERS) for _ in range(rng.randint(1, 4)))
    return (rng.choice(PREFIXES) if rng.random() < 0.08 else "") + text


def query(rng):
    """A call with a pattern."""
    text, regex, flags = literal(rng.choice(TEXTS)), literal(pattern(rng)), literal(rng.choice(FLAGS))
    return rng.choice([f"SELECT regexp_replace({text}, {regex}, E'<\\\\&>', {flags})", f"SELECT regexp_replace({text}, {regex}, E'<\\\\&>', 'g')", f"SELECT regexp_split_to_array({text}, {regex}, {flags})", f"SELECT {text} ~ {regex}",
                       f"SELECT regexp_count({text}, {regex}, 1, {flags})", f"SELECT substring({text} from {regex})", f"SELECT regexp_match({text}, {regex}, {flags})"])


REPEATS = ["*", "+", "?", "{1,2}", "{2}", "{1,1}", "{0,1}", "{0}", "{2,3}", "{0,2}", "{2,}"]
LOOKS = ["^", "$", r"\y", r"\Y", r"\m", r"\M", "(?=a)", "(?!b)", "(?<=b)", "(?<!a)", "(?=(?:a|b)c)"]


def nested(rng, depth):
    """Alternatives of atoms and groups within each other, which match one text in many ways."""
    def quantified(atom):
        return atom + (rng.choice(REPEATS) + rng.choice(["", "", "?"]) if rng.random() < 0.45 else "")

    def one():
        x = rng.random()
        if x < 0.06:
            return rng.choice(LOOKS)
        if depth == 0 or x < 0.5:
            return quantified(rng.choice(["a", "b", "c", ".", "[ab]", "é", r"\w"]))
        return quantified(("(" if x < 0.87 else "(?:") + nested(rng, depth - 1) + ")")
    return "|".join("".join(one() for _ in range(rng.randint(1, 4))) for _ in range(rng.choice([1, 1, 1, 2, 3])))


def remembered(rng):
    """What the groups of a pattern remember."""
    regex = nested(rng, rng.choice([1, 2, 2, 3]))
    regex = rng.choice(["", "", "^"]) + (f"(?:{regex})" if "|" in regex else regex) + rng.choice(["", "", "$"])
    return f"SELECT regexp_match({literal(''.join(rng.choice('aabbcé ') for _ in range(rng.randint(0, 9))))}, {literal(regex)})"
