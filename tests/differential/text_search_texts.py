"""Texts made up by chance for the text search parser: words, hosts, mails, numbers, hyphens, tags, paths, letters of many scripts, and
what happens where they meet."""
import random

LETTERS = "abcdefghijklmnopqrstuvwxyzABCXYZ"
WIDE = "éßñøłçжщяЖאבगनि์한国語ſDžµªº²٣൩𝔸\u0301\u200d\u093e\u00ad"
MARKS = "-_.:/@+~&#;<>?!='\"\\()[]{}|%*,^$` \t\n"
WORDS = ("foxes", "the", "running", "Don't", "http", "https", "ftp", "www", "com", "org", "co", "uk", "x", "e5", "1e", "script", "style", "amp",
         "xml", "DOCTYPE", "br", "or", "and", "naïve", "Übermut", "жизнь", "ßtraße", "item1", "a1b2", "tmp", "usr", "index.html", "2024", "3.14",
         "-5", "+7", "1.2.3", "1.2.3.4", "0x1F", "1e-5", "12e+3", "-1.5e10", "&nbsp;", "&#160;", "&#x20;", "<b>", "</b>", "<br/>", "<a href='x'>",
         "<!-- c -->", "<script>", "</script>", "<style type=\"a\">", "</style>", "<?xml v?>", "user@host.org", "a.b_c-d@x-y.example.com", "foo-bar",
         "foo-bar-baz", "e-mail", "x-1-y", "foo-12", "12-foo", "up-to-date42", "élan-vital", "/usr/local/bin", "~/file", "../up", "./here",
         "http://x.org/a?b=c&d#e", "example.com:8080/path/%20", "x.org/", "a_b", "a.b.c", "ab.cd", "1a.b2.cd", "foo.", ".bar", "a--b", "a-", "-a")


def piece(r):
    kind = r.random()
    if kind < 0.4:
        return r.choice(WORDS)
    if kind < 0.55:
        return "".join(r.choices(LETTERS, k=r.randint(1, 6)))
    if kind < 0.65:
        return "".join(r.choices("0123456789", k=r.randint(1, 4)))
    if kind < 0.75:
        return "".join(r.choices(WIDE, k=r.randint(1, 3)))
    return "".join(r.choices(MARKS, k=r.choice((1, 1, 1, 2, 3))))


def text(r):
    return "".join(piece(r) + r.choice(("", "", " ")) for _ in range(r.randint(1, 9)))


QUERY_WORDS = ("fox", "'two words'", "the", "dog:*", "cat:A", "run:bC*", "foxes", "'it''s'", "e-mail", "x1", "жизнь", "a\\ b", "www.x.org")
QUERY_OPERATORS = (" & ", " | ", " <-> ", " <2> ", " <0> ", "&", "|", "<->")


def query(r, depth=0):
    """A tsquery text, now and then broken."""
    if depth > 3 or r.random() < 0.4:
        return r.choice(QUERY_WORDS)
    kind = r.random()
    if kind < 0.2:
        return "!" + query(r, depth + 1)
    if kind < 0.4:
        return "(" + query(r, depth + 1) + ")"
    if kind < 0.43:
        return query(r, depth + 1) + r.choice((" ", "(", ")", "&", ":", "'", "\\", "<", "<99999> x", "!!"))
    return query(r, depth + 1) + r.choice(QUERY_OPERATORS) + query(r, depth + 1)


VECTOR_WORDS = ("fox", "dog", "cat", "run", "two words", "it's", "back\\slash", "x1", "жизнь", "a", "foxes", "")


def vector(r):
    """A tsvector text, now and then broken."""
    parts = []
    for _ in range(r.randint(0, 8)):
        word = r.choice(VECTOR_WORDS)
        shown = "'" + word.replace("'", "''").replace("\\", "\\\\") + "'" if word and (r.random() < 0.7 or " " in word or "'" in word) else word or "z"
        places = ",".join(str(r.choice((1, 2, 3, 5, 8, 13, 100, 2000, 16382))) + r.choice(("", "", "A", "b", "C", "D", "*"))
                          for _ in range(r.choice((0, 1, 1, 2, 3))))
        parts.append(shown + (":" + places if places else "") + (r.choice((":", ":0", ":1x", "'")) if r.random() < 0.02 else ""))
    return r.choice((" ", "  ")).join(parts)
