"""Random regular expressions, right and wrong ones, of all of PostgreSQL's languages."""

ATOMS = ["a", "b", "ab", ".", r"\d", r"\w", r"\s", r"\D", "[ab]", "[^a]", "[a-c]", "[[:alpha:]]", "[[:digit:]x]", "(a)", "(a|b)", "(?:ab)", "()", "(a*)", "^", "$", r"\m", r"\M", r"\y", r"\A", r"\Z", "(?=a)", "(?!b)",
         "(?<=a)", "(?<!b)", r"\.", r"\n", "[.]", "[-a]", "[a-]", "[]a]", "é", r"\x41", r"\u0061", r"\B", "{", "}", "]", "x{1,2}", r"[\d]", r"[\w-]", r"[a\]]", "(?#c)", r"\1", r"\(", r"\{", "1", "2", ",", "|", "(", "[", ")", "\\",
         "[[:<:]]", "[[:foo:]]", "[b-a]", "[[.a.]]", "[[=a=]]", r"\e", r"\cA", r"\07", r"\12", r"\101", r"\q", r"\z"]
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
    """A call with a pattern. What groups inside a repeated group remember is not looked at: of several ways Perl's is taken."""
    text, regex, flags = literal(rng.choice(TEXTS)), literal(pattern(rng)), literal(rng.choice(FLAGS))
    return rng.choice([f"SELECT regexp_replace({text}, {regex}, E'<\\\\&>', {flags})", f"SELECT regexp_replace({text}, {regex}, E'<\\\\&>', 'g')", f"SELECT regexp_split_to_array({text}, {regex}, {flags})", f"SELECT {text} ~ {regex}",
                       f"SELECT regexp_count({text}, {regex}, 1, {flags})", f"SELECT substring({text} from {regex})", f"SELECT regexp_match({text}, {regex}, {flags}) IS NULL"])
