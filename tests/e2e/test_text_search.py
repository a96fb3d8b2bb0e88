"""Full text search as applications use it: stored vectors, ranks, settings, prepared statements, both protocols and formats."""
import psycopg
import pytest
from pgd1 import Pgd1

TEXTS = [("Foxes", "The quick brown fox jumps over the lazy dog"), ("Dogs", "Lazy dogs sleep all day"), ("Nothing", None),
         ("Both", "A fox and a dog, a dog and a fox")]


@pytest.fixture(scope="module")
def server():
    with Pgd1() as running:
        yield running


@pytest.fixture
def pg(server):
    with server.connect(autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS documents")
        connection.execute("CREATE TABLE documents (id int PRIMARY KEY, title text, body text, words tsvector, wanted tsquery, language regconfig)")
        for i, (title, body) in enumerate(TEXTS, 1):
            connection.execute("INSERT INTO documents VALUES (%s, %s, %s, setweight(to_tsvector('english', %s), 'A') || "
                               "to_tsvector('english', coalesce(%s, '')), plainto_tsquery('english', %s), 'english')", (i, title, body, title, body, title))
        yield connection


def column(pg, sql, *args, **options):
    return [row[0] for row in pg.execute(sql, args, **options)]


def test_stored_vectors(pg):
    assert column(pg, "SELECT words::text FROM documents WHERE id = 2") == ["'day':6 'dog':1A,3 'lazi':2 'sleep':4"]
    found = "SELECT id FROM documents WHERE words @@ plainto_tsquery('english', %s) ORDER BY ts_rank(words, plainto_tsquery('english', %s)) DESC, id"
    for prepare in (False, True):
        assert column(pg, found, "dogs", "dogs", prepare=prepare) == [2, 4, 1]
    assert column(pg, "SELECT id FROM documents WHERE to_tsvector('english', title || ' ' || body) @@ 'fox & !lazi' ORDER BY id") == [4]
    assert column(pg, "SELECT id FROM documents WHERE words @@ wanted ORDER BY id") == [1, 2, 3]
    assert column(pg, "SELECT id FROM documents WHERE to_tsvector(language, body) @@ wanted ORDER BY id") == [1, 2]


def test_changes(pg):
    assert column(pg, "UPDATE documents SET words = to_tsvector('english', title) WHERE words @@ 'dog:A' RETURNING words::text") == ["'dog':1"]
    assert pg.execute("DELETE FROM documents WHERE words @@ 'noth'").rowcount == 1
    with pg.transaction():
        pg.execute("INSERT INTO documents (id, words) VALUES (9, 'a:1 b:2')")
        assert column(pg, "SELECT id FROM documents WHERE words @@ 'a <-> b'") == [9]
    assert column(pg, "SELECT count(DISTINCT words) FROM documents") == [4]
    assert column(pg, "SELECT id FROM documents WHERE words = 'b:2 a:1'") == [9]


def test_formats(pg):
    for binary in (False, True):
        shown = pg.cursor(binary=binary).execute("SELECT words::text, wanted::text, language::text FROM documents WHERE id = 1").fetchone()
        assert shown == ("'brown':4 'dog':10 'fox':1A,5 'jump':6 'lazi':9 'quick':3", "'fox'", "english")
    raw = pg.pgconn.exec_params(b"SELECT 'a:1 b'::tsvector, 'a & b'::tsquery", [], result_format=1)
    assert raw.get_value(0, 0) == b"\0\0\0\2a\0\0\1\0\1b\0\0\0" and raw.get_value(0, 1) == b"\0\0\0\3\2\2\1\0\0b\0\1\0\0a\0"
    again = pg.pgconn.exec_params(b"SELECT $1::tsvector::text, $2::tsquery::text", [raw.get_value(0, 0), raw.get_value(0, 1)], param_types=[3614, 3615],
                                  param_formats=[1, 1])
    assert (again.get_value(0, 0), again.get_value(0, 1)) == (b"'a':1 'b'", b"'a' & 'b'")


def test_setting(pg):
    asked = "SELECT to_tsvector('The Foxes')::text, get_current_ts_config()::text"
    assert pg.execute(asked).fetchone() == ("'fox':2", "english")
    pg.execute("SET default_text_search_config = 'simple'")
    assert column(pg, "SHOW default_text_search_config") == ["pg_catalog.simple"]
    assert pg.execute(asked).fetchone() == ("'foxes':2 'the':1", "simple")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='invalid value for parameter "default_text_search_config": "klingon"'):
        pg.execute("SET default_text_search_config = 'klingon'")
    pg.execute("RESET default_text_search_config")
    assert pg.execute(asked).fetchone() == ("'fox':2", "english")


def test_headline(pg):
    assert column(pg, "SELECT ts_headline('english', body, wanted) FROM documents WHERE id = 2") == ["Lazy <b>dogs</b> sleep all day"]


@pytest.mark.parametrize("statement", [
    "CREATE INDEX ON documents USING gin (words)", "CREATE INDEX ON documents USING gin (to_tsvector('english', body))",
    "ALTER TABLE documents ADD COLUMN made tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED",
    "SELECT ts_rewrite('a'::tsquery, 'a'::tsquery, 'b'::tsquery)"])
def test_refused_with_a_hint_or_a_name(pg, statement):
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        pg.execute(statement)
    assert refused.value.diag.message_hint or "ts_rewrite" in refused.value.diag.message_primary
