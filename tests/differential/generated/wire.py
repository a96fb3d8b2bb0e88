"""Queries over libpq: many in a pipeline, each with its own Sync; everything a client sees of an answer."""
from dataclasses import dataclass, field

from psycopg import OperationalError, pq

from .tree import printed

TUPLES, DONE, PIPELINE_SYNC = pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.PIPELINE_SYNC
FIELDS = pq.DiagnosticField
NANS = [bytes.fromhex(text) for text in ("7ff8000000000000", "fff8000000000000", "7fc00000", "ffc00000")]  # which NaN it is says nothing


@dataclass
class Answer:
    columns: list = field(default_factory=list)  # (name, type, typmod, is a table's column, its number)
    rows: list = field(default_factory=list)
    tag: str = ""
    state: str = ""
    message: str = ""
    detail: str = ""
    hint: str = ""
    position: str = ""
    lost: bool = False  # the connection ended
    after: list = field(default_factory=list)  # the rows of the changed table


class Side:
    """One server: a connection that is made again when it is lost."""

    def __init__(self, server):
        self.server, self.connection = server, None
        self.settings = {}
        self.dirty, self.kept = True, None  # the table that statements change is not as it was; its rows
        self.open()

    def open(self):
        self.connection = self.server.connect()
        self.pg = self.connection.pgconn
        rows = self.connection.execute("SELECT typname, oid FROM pg_type").fetchall()
        self.oids = {name: oid for name, oid in rows}
        self.types = {oid: name for name, oid in rows}
        self.set(self.settings)

    def set(self, settings):
        self.settings = dict(settings)
        for name, value in settings.items():
            self.connection.execute(f"SET {name} = '{value}'")

    def close(self):
        self.connection.close()

    def run(self, requests):
        """requests: (query, mode). Answers in order; a request that ended the connection says so."""
        answers = []
        while len(answers) < len(requests):
            rest = requests[len(answers):]
            simple = rest[0][1] == "simple"
            count = next((i for i, (_, mode) in enumerate(rest) if (mode == "simple") != simple), len(rest))
            part = self.simple(rest[:count]) if simple else self.pipeline(rest[:count])
            answers += part
            if len(part) < count:
                answers.append(Answer(lost=True, state="lost"))
                self.open()
        return answers

    def simple(self, requests):
        answers = []
        for node, _ in requests:
            result = self.pg.exec_(printed(node, False).sql.encode())
            if self.pg.status != pq.ConnStatus.OK:
                return answers
            answers.append(self.answer(result))
        return answers

    def pipeline(self, requests):
        pg, answers = self.pg, []
        pg.enter_pipeline_mode()
        try:
            for node, mode in requests:
                out = printed(node, True)
                pg.send_query_params(out.sql.encode(), [p[0].encode() if isinstance(p[0], str) else p[0] for p in out.params] or None,
                                     [self.oids[p[1]] if p[1] else 0 for p in out.params] or None, [int(p[2]) for p in out.params] or None, 1 if mode == "binary" else 0)
                pg.pipeline_sync()
            while len(answers) < len(requests):
                answer = self.next_answer()
                if answer is None:
                    return answers
                answers.append(answer)
            pg.exit_pipeline_mode()
        except OperationalError:  # how libpq tells of a lost connection
            if pg.status == pq.ConnStatus.OK:
                raise
        return answers

    def next_answer(self):
        """The answer up to the next Sync; None when the connection is lost."""
        answer = None
        while True:
            result = self.pg.get_result()
            if result is None:
                if self.pg.status != pq.ConnStatus.OK:
                    return None
                continue
            if result.status == PIPELINE_SYNC:
                return answer
            answer = self.answer(result)

    def cell(self, result, row, column, type_name):
        """A cell; a binary array of enums names the enum's OID, which each server has of its own."""
        value = result.get_value(row, column)
        if type_name in ("_mood", "_posint", "_word") and value is not None and result.fformat(column):
            assert int.from_bytes(value[8:12], "big") == self.oids[type_name[1:]], "element type of an array of our own types"
            value = value[:8] + value[12:]
        if type_name.startswith("_") and value is not None and result.fformat(column):
            value = value[:4] + value[8:]  # whether there are NULLs: PostgreSQL's functions may leave it set without any
        if type_name in ("float4", "float8") and value in NANS:
            return NANS[0] if len(value) == 8 else NANS[2]
        if type_name in ("_float4", "_float8") and value is not None and result.fformat(column):
            for wide, other in ((NANS[0], NANS[1]), (NANS[2], NANS[3])):  # elements stand behind their lengths
                length = len(wide).to_bytes(4, "big")
                value = value.replace(length + other, length + wide)
        return value

    def answer(self, result):
        if result.status not in (TUPLES, DONE):
            def text(which):
                return (result.error_field(which) or b"").decode("utf-8", "replace")
            return Answer(state=text(FIELDS.SQLSTATE) or "lost", message=text(FIELDS.MESSAGE_PRIMARY), detail=text(FIELDS.MESSAGE_DETAIL), hint=text(FIELDS.MESSAGE_HINT), position=text(FIELDS.STATEMENT_POSITION))
        columns = [(result.fname(i).decode(), self.types.get(result.ftype(i), "?"), result.fmod(i), result.ftable(i) != 0, result.ftablecol(i)) for i in range(result.nfields)]
        rows = [tuple(self.cell(result, i, j, columns[j][1]) for j in range(result.nfields)) for i in range(result.ntuples)]
        return Answer(columns=columns, rows=rows, tag=(result.command_status or b"").decode())
