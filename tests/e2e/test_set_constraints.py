"""SET CONSTRAINTS, statement for statement as PostgreSQL answers: what is checked at once, what at COMMIT, and the error's words and fields."""
import psycopg
import pytest

SCHEMA = """
DROP TABLE IF EXISTS key_waits, key_now, key_never, key_self, key_pairs, key_p;
CREATE TABLE key_p (id int PRIMARY KEY, word text, n int, UNIQUE (word, n));
CREATE TABLE key_waits (id int PRIMARY KEY, p int CONSTRAINT waits_fk REFERENCES key_p DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE key_now (id int PRIMARY KEY, p int CONSTRAINT now_fk REFERENCES key_p DEFERRABLE);
CREATE TABLE key_never (id int PRIMARY KEY, p int CONSTRAINT never_fk REFERENCES key_p);
CREATE TABLE key_self (id int PRIMARY KEY, up int CONSTRAINT self_fk REFERENCES key_self DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE key_pairs (id int PRIMARY KEY, word text, n int, CONSTRAINT pairs_fk FOREIGN KEY (word, n) REFERENCES key_p (word, n)
    DEFERRABLE INITIALLY DEFERRED);
INSERT INTO key_p VALUES (1, 'it''s', 1), (2, 'two', 2);
INSERT INTO key_never VALUES (1, 2)
"""

# A list is one string of several statements.
SCRIPTS = {
    "deferred fails at commit": ["BEGIN", "INSERT INTO key_waits VALUES (1, 9)", "COMMIT", "TABLE key_waits"],
    "parent gone at commit": ["INSERT INTO key_waits VALUES (1, 1)", "BEGIN", "DELETE FROM key_p WHERE id = 1", "COMMIT", "TABLE key_p"],
    "deferred holds at commit": ["BEGIN", "INSERT INTO key_waits VALUES (1, 9)", "INSERT INTO key_p VALUES (9)", "COMMIT", "TABLE key_waits"],
    "autocommit": ["INSERT INTO key_waits VALUES (1, 9)", "TABLE key_waits"],
    "immediate checks what is there": ["BEGIN", "INSERT INTO key_waits VALUES (1, 9)", "SET CONSTRAINTS waits_fk IMMEDIATE", "ROLLBACK"],
    "immediate holds from then on": ["BEGIN", "SET CONSTRAINTS ALL IMMEDIATE", "INSERT INTO key_waits VALUES (1, 1)",
                                     "INSERT INTO key_waits VALUES (2, 9) RETURNING id", "ROLLBACK"],
    "immediate and the parent": ["INSERT INTO key_waits VALUES (1, 1)", "BEGIN", "SET CONSTRAINTS waits_fk IMMEDIATE",
                                 "DELETE FROM key_p WHERE id = 1", "ROLLBACK"],
    "immediate and an update": ["INSERT INTO key_waits VALUES (1, 1)", "BEGIN", "SET CONSTRAINTS waits_fk IMMEDIATE",
                                "UPDATE key_waits SET p = 9", "ROLLBACK"],
    "only the named one": ["BEGIN", "SET CONSTRAINTS self_fk IMMEDIATE", "INSERT INTO key_waits VALUES (1, 9)",
                           "INSERT INTO key_self VALUES (1, 2)", "ROLLBACK"],
    "and back": ["BEGIN", "SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS waits_fk DEFERRED", "INSERT INTO key_waits VALUES (1, 9)",
                 "INSERT INTO key_p VALUES (9)", "COMMIT", "TABLE key_waits"],
    "not beyond the transaction": ["BEGIN", "SET CONSTRAINTS ALL IMMEDIATE", "COMMIT", "BEGIN", "INSERT INTO key_waits VALUES (1, 9)",
                                   "INSERT INTO key_p VALUES (9)", "COMMIT"],
    "deferred of one that is immediate": ["BEGIN", "SET CONSTRAINTS now_fk DEFERRED", "INSERT INTO key_now VALUES (1, 9)",
                                          "INSERT INTO key_p VALUES (9)", "COMMIT", "TABLE key_now"],
    "deferred of one that is immediate fails": ["BEGIN", "SET CONSTRAINTS now_fk DEFERRED", "INSERT INTO key_now VALUES (1, 9)", "COMMIT",
                                                "TABLE key_now"],
    "the others stay immediate": ["BEGIN", "SET CONSTRAINTS now_fk DEFERRED", "INSERT INTO key_now VALUES (1, 9)",
                                  "INSERT INTO key_never VALUES (2, 9)", "ROLLBACK"],
    "the others stay immediate for the parent": ["BEGIN", "SET CONSTRAINTS ALL DEFERRED", "DELETE FROM key_p WHERE id = 2", "ROLLBACK"],
    "deferred and immediate again": ["BEGIN", "SET CONSTRAINTS now_fk DEFERRED", "INSERT INTO key_now VALUES (1, 9)",
                                     "SET CONSTRAINTS now_fk IMMEDIATE", "ROLLBACK"],
    "deferred, set right, immediate, wrong": ["BEGIN", "SET CONSTRAINTS now_fk DEFERRED", "INSERT INTO key_now VALUES (1, 9)",
                                              "UPDATE key_now SET p = 1", "SET CONSTRAINTS ALL IMMEDIATE",
                                              "INSERT INTO key_now VALUES (2, 9)", "ROLLBACK"],
    "savepoint": ["BEGIN", "SAVEPOINT a", "SET CONSTRAINTS ALL IMMEDIATE", "ROLLBACK TO a", "INSERT INTO key_waits VALUES (1, 9)",
                  "SAVEPOINT b", "SET CONSTRAINTS ALL IMMEDIATE", "ROLLBACK TO b", "INSERT INTO key_p VALUES (9)",
                  "SET CONSTRAINTS ALL IMMEDIATE", "SAVEPOINT c", "INSERT INTO key_waits VALUES (2, 8)", "ROLLBACK TO c", "COMMIT",
                  "TABLE key_waits"],
    "released savepoint": ["BEGIN", "SAVEPOINT a", "SET CONSTRAINTS ALL IMMEDIATE", "RELEASE a", "INSERT INTO key_waits VALUES (1, 9)", "ROLLBACK"],
    "two columns": ["BEGIN", "INSERT INTO key_pairs VALUES (1, 'it''s', NULL), (2, 'it''s', 1), (3, 'it''s', 2)", "COMMIT"],
    "two columns, parent": ["INSERT INTO key_pairs VALUES (1, 'it''s', 1)", "BEGIN", "SET CONSTRAINTS pairs_fk IMMEDIATE",
                            "UPDATE key_p SET n = 7 WHERE id = 1", "ROLLBACK"],
    "itself": ["BEGIN", "SET CONSTRAINTS self_fk IMMEDIATE", "INSERT INTO key_self VALUES (1, 1)", "INSERT INTO key_self VALUES (2, 1)",
               "DELETE FROM key_self WHERE id = 1", "ROLLBACK"],
    "outside": ["SET CONSTRAINTS ALL IMMEDIATE", "INSERT INTO key_waits VALUES (1, 9)"],
    "no such": ["BEGIN", "SET CONSTRAINTS waits_fk, nothing DEFERRED", "ROLLBACK", "BEGIN", "SET CONSTRAINTS never_fk DEFERRED", "ROLLBACK",
                "BEGIN", "SET CONSTRAINTS never_fk IMMEDIATE", "SET CONSTRAINTS public.waits_fk IMMEDIATE", "ROLLBACK", "BEGIN",
                "SET CONSTRAINTS key_p_pkey DEFERRED", "ROLLBACK"],
    "read only": ["BEGIN READ ONLY", "SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS ALL IMMEDIATE", "COMMIT"],
    "one string": [["BEGIN", "SET CONSTRAINTS ALL IMMEDIATE", "INSERT INTO key_waits VALUES (1, 9)", "COMMIT"], "ROLLBACK", "TABLE key_waits"],
    "one string, implicit": [["SET CONSTRAINTS waits_fk IMMEDIATE", "INSERT INTO key_waits VALUES (1, 9)", "INSERT INTO key_p VALUES (9)"],
                             "TABLE key_waits", ["SET CONSTRAINTS now_fk DEFERRED", "INSERT INTO key_now VALUES (1, 9)",
                                                 "INSERT INTO key_p VALUES (9)"], "TABLE key_now", "INSERT INTO key_now VALUES (2, 8)"],
    "copy": ["BEGIN", "SET CONSTRAINTS waits_fk IMMEDIATE", "COPY key_waits FROM STDIN", "ROLLBACK"],
}


def said(error):
    d = error.diag
    return d.sqlstate, d.message_primary, d.message_detail, d.schema_name, d.table_name, d.constraint_name


def run(connection, statement):
    try:
        if isinstance(statement, list):
            statement = "; ".join(statement)
        cursor = connection.cursor()
        if statement.startswith("COPY"):
            with cursor.copy(statement) as copy:
                copy.write("1\t1\n2\t9\n")
        else:
            cursor.execute(statement, prepare=False)
        return cursor.statusmessage, sorted(cursor.fetchall()) if cursor.description else None
    except psycopg.Error as error:
        return said(error)


def outcome(server, script):
    with server.connect() as connection:
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        notices = []
        connection.add_notice_handler(lambda d: notices.append((d.severity, d.sqlstate, d.message_primary)))
        return [run(connection, statement) for statement in script], notices


@pytest.mark.parametrize("name", SCRIPTS)
def test_as_postgresql(oracle, server, name):
    assert outcome(server, SCRIPTS[name]) == outcome(oracle, SCRIPTS[name])


def test_nothing_is_asked_where_nothing_was_written(server):
    with server.connect() as connection:
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)

        def trips():
            return int(connection.execute("SHOW pgd1.round_trips").fetchone()[0])

        connection.execute("SELECT count(*) FROM key_p")
        before = trips()
        connection.execute("BEGIN")
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.execute("COMMIT")
        assert trips() == before
