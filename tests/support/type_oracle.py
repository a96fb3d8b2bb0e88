"""Both sides of the differential tests of types: PostgreSQL through the wire protocol itself, and pgwire through type_driver.

    pg.value("numeric", b"1.50")              -> Answer(ok, text, binary) or Answer(error)
    driver.both("numeric", [b"1.50", …])      -> the same, from our codecs
"""
import os
import pathlib
import subprocess
from dataclasses import dataclass

from psycopg import pq

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SETTINGS = {"timezone": "timezone", "datestyle": "datestyle", "intervalstyle": "intervalstyle", "bytea_output": "bytea_output",
            "digits": "extra_float_digits"}


@dataclass
class Answer:
    text: bytes = b""
    binary: bytes = b""
    storage: bytes = b""
    state: str = ""
    message: str = ""
    detail: str = ""
    hint: str = ""
    context: str = ""

    @property
    def ok(self):
        return not self.state


def binary_path():
    """The driver of the sanitizer build, or the one named by TYPE_DRIVER."""
    named = os.environ.get("TYPE_DRIVER")
    return named or str(ROOT / "build" / os.environ.get("PGD1_BUILD", "dev") / "type_driver")


def to_hex(data):
    return data.hex() or "-"


def from_hex(text):
    return b"" if text == "-" else bytes.fromhex(text)


class Driver:
    """Runs one batch of requests in one process."""

    def __init__(self):
        self.path, self.setup = binary_path(), []

    def set(self, **settings):
        self.setup = [f"set {name} {to_hex(str(value).encode())}" for name, value in settings.items()]

    def run(self, requests):
        lines = "\n".join([*self.setup, *requests]) + "\n"
        done = subprocess.run([self.path], input=lines.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100, check=False)
        answers = done.stdout.decode().splitlines()
        assert done.returncode == 0 and len(answers) == len(self.setup) + len(requests), \
            f"{requests[len(answers) - len(self.setup)] if len(answers) < len(requests) else ''}\n{done.stderr.decode()[-4000:]}"
        return [self.answer(line.split(" ")) for line in answers[len(self.setup):]]

    @staticmethod
    def answer(fields):
        if fields[0] == "error":
            texts = [from_hex(field).decode("utf-8", "replace") for field in fields[2:]]
            return Answer(state=fields[1], message=texts[0], detail=texts[1], hint=texts[2], context=texts[3])
        if len(fields) == 2:
            return Answer(text=from_hex(fields[1]))
        storage = from_hex(fields[2])
        if len(fields) == 3:
            return Answer(storage=storage)
        return Answer(text=from_hex(fields[3]), binary=from_hex(fields[4]), storage=storage)

    def both(self, type_name, values, binary=False, typmod=-1):
        return self.run([f"both {type_name} {int(binary)} {typmod} {to_hex(value)}" for value in values])

    def call(self, function, rows):
        return self.run([" ".join(["call", function, *(to_hex(cell.encode()) for cell in row)]) for row in rows])


class Oracle:
    """A connection to PostgreSQL on which single values go in and out in either format."""

    def __init__(self, postgres):
        self.connection = postgres.connect()
        rows = self.connection.execute("SELECT typname, oid FROM pg_type WHERE oid < 10000").fetchall()
        self.oids = dict(rows)

    def close(self):
        self.connection.close()

    def set(self, **settings):
        for name, value in settings.items():
            self.connection.execute(f"SET {SETTINGS[name]} = '{value}'")

    def reset(self):
        self.connection.execute("RESET ALL")

    def execute(self, sql, parameters=(), types=None, formats=None, result_format=0):
        result = self.connection.pgconn.exec_params(sql.encode(), list(parameters), types, formats, result_format)
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            return result, None
        fields = pq.DiagnosticField

        def field(which):
            return (result.error_field(which) or b"").decode()
        return None, Answer(state=field(fields.SQLSTATE), message=field(fields.MESSAGE_PRIMARY), detail=field(fields.MESSAGE_DETAIL),
                            hint=field(fields.MESSAGE_HINT), context=field(fields.CONTEXT))

    def value(self, type_name, data, binary=False, has_binary=True):
        """One value of a type, in and out again in both formats."""
        oid, answer = self.oids[type_name], Answer()
        for result_format in (0, 1) if has_binary else (0,):
            result, error = self.execute("SELECT $1", [data], [oid], [int(binary)], result_format)
            if error:
                return error
            if result_format:
                answer.binary = result.get_value(0, 0)
            else:
                answer.text = result.get_value(0, 0)
        return answer

    def call(self, sql, row):
        """The text of an expression over text parameters; NULL as "NULL"."""
        result, error = self.execute(sql, [cell.encode() for cell in row])
        if error:
            return error
        value = result.get_value(0, 0)
        return Answer(text=b"NULL" if value is None else value)
