"""Scripts of statements/ on PostgreSQL 15 and on pgd1, embedded and on D1: tags, columns, rows, SQLSTATEs, messages and positions.

A statement ends with ";" at the end of a line. Each script has databases of its own; its statements run in order on one
connection. A line before a statement says what is not compared:
    -- pgd1: 0A000        pgd1 refuses with this SQLSTATE what PostgreSQL does
    -- message differs    the SQLSTATE alone is compared
    -- detail is left out  PostgreSQL has a DETAIL that pgd1 cannot know
    -- parameters: 1|x    sent along: values of $1, $2 …, as text of no type
A script that begins with `-- details are compared` has the DETAIL, HINT, schema, table, column, type and constraint of its errors compared too.
Rows of a statement without ORDER BY are compared as a set.
"""
import pathlib
import re

import pytest
from pgd1 import Pgd1
from psycopg import pq

FOLDER = pathlib.Path(__file__).parent / "statements"
TRANSPORTS = ("embedded", "workerd")


def statements(text):
    """(statement, directives) in order."""
    lines, notes = [], []
    for line in text.splitlines():
        if line.startswith("--"):
            notes.append(line[2:].strip())
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines).strip(), notes
            lines, notes = [], []
    assert not "".join(lines).strip(), "a statement does not end"


def rows_of(result, ordered):
    rows = [tuple(None if result.get_value(r, c) is None else result.get_value(r, c).decode() for c in range(result.nfields))
            for r in range(result.ntuples)]
    return rows if ordered else sorted(rows, key=str)


ERROR_FIELDS = (pq.DiagnosticField.SQLSTATE, pq.DiagnosticField.MESSAGE_PRIMARY, pq.DiagnosticField.STATEMENT_POSITION)
COPY_OF_TABLE = re.compile(r'\s*copy\s+[\w."]+\s*(\(|to\b)', re.IGNORECASE)  # in the order of insertion
DETAIL_FIELDS = (pq.DiagnosticField.MESSAGE_DETAIL, pq.DiagnosticField.MESSAGE_HINT, pq.DiagnosticField.SCHEMA_NAME, pq.DiagnosticField.TABLE_NAME, pq.DiagnosticField.COLUMN_NAME,
                 pq.DiagnosticField.DATATYPE_NAME, pq.DiagnosticField.CONSTRAINT_NAME)


def run(connection, sql, notes, fields=ERROR_FIELDS):
    """What the server answers, as comparable values: one per result."""
    answers, ordered = [], re.search(r"\border by\b|^\s*fetch\b", sql, re.IGNORECASE) is not None
    parameters = next((note.split(": ", 1)[1] for note in notes if note.startswith("parameters:")), None)
    if parameters is None:
        connection.pgconn.send_query(sql.encode())
    else:
        connection.pgconn.send_query_params(sql.encode(), [text.encode() for text in parameters.split("|")])
    while (result := connection.pgconn.get_result()) is not None:
        tag = (result.command_status or b"").decode()
        if result.status == pq.ExecStatus.FATAL_ERROR:
            answers.append(("error", *((result.error_field(field) or b"").decode() for field in fields)))
        elif result.status == pq.ExecStatus.TUPLES_OK:
            columns = [(result.fname(c).decode(), result.ftype(c) if result.ftype(c) < 16384 else "user") for c in range(result.nfields)]
            answers.append((tag, columns, rows_of(result, ordered)))
        elif result.status == pq.ExecStatus.COPY_OUT:
            answers.append(("copy", copied(connection.pgconn, COPY_OF_TABLE.match(sql) is not None)))
        else:
            answers.append((tag,))
    return answers


def copied(connection, ordered):
    data = []
    while True:
        n, part = connection.get_copy_data(0)
        if n < 0:
            return data if ordered else sorted(data)
        data.append(bytes(part))


def agrees(theirs, ours, notes):
    refused = next((note.split()[1] for note in notes if note.startswith("pgd1:")), None)
    if refused:
        return ours[-1][0] == "error" and ours[-1][1] == refused
    if "detail is left out" in notes:
        return [answer[:4] + answer[5:] for answer in theirs] == [answer[:4] + answer[5:] for answer in ours] and ours[-1][4] == ""
    if "message differs" in notes:
        return [answer[:2] for answer in theirs] == [answer[:2] for answer in ours]
    return theirs == ours


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("script", sorted(path.stem for path in FOLDER.glob("*.sql")))
def test_script(script, transport, oracle, request):
    name = f"statements_{script}_{transport}"
    oracle.psql("-d", "postgres", "-c", f"CREATE DATABASE {name}")
    text, wrong = (FOLDER / f"{script}.sql").read_text(), []
    fields = ERROR_FIELDS + (DETAIL_FIELDS if text.startswith("-- details are compared\n") else ())
    with Pgd1(transport) as server, server.connect() as ours, oracle.connect(dbname=name) as theirs:
        for sql, notes in statements(text):
            a, b = run(theirs, sql, notes, fields), run(ours, sql, notes, fields)
            if not agrees(a, b, notes):
                wrong.append(f"{sql}\n  PostgreSQL {a}\n  pgd1       {b}")
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong)
