"""Clients that write, each write with a number of its own, and a check of the database against what they were told.

    load = Load(seed); load.create(connection); load.run(connect, clients=4, operations=100); load.check(rows_of)

An operation's outcome is what its client heard:
    done      acknowledged: all of it is there, once
    refused   an error that says it was not done: nothing of it is there
    unknown   08007, or the connection ended: all of it once, or nothing
    committed 08007 that tells it was committed, only the answer is lost: all of it, once
"""
import collections
import random
import threading

import psycopg

TABLES = """
CREATE TABLE log (id bigserial PRIMARY KEY, op int NOT NULL, part int NOT NULL);
CREATE TABLE hits (client int PRIMARY KEY, n int NOT NULL);
CREATE TABLE tokens (op int PRIMARY KEY)
"""


class Wrong(Exception):
    """The client was told something that cannot be."""


def expect(got, want, what):
    if got != want:
        raise Wrong(f"{what}: {got!r} instead of {want!r}")


# --- operations: each takes (client, connection, number) and answers the parts of `log` it wrote. What it did besides is in EFFECTS.

def insert(client, connection, op):
    expect(connection.execute("INSERT INTO log (op, part) VALUES (%s, 0)", (op,)).rowcount, 1, "rows inserted")
    return [0]


def insert_many(client, connection, op):
    expect(connection.execute(f"INSERT INTO log (op, part) SELECT {op}, g FROM generate_series(0, 4) g").rowcount, 5, "rows inserted")
    return range(5)


def insert_returning(client, connection, op):
    client.ids[op] = connection.execute("INSERT INTO log (op, part) VALUES (%s, 0) RETURNING id", (op,)).fetchone()[0]
    return [0]


def update(client, connection, op):
    expect(connection.execute("UPDATE hits SET n = n + 1 WHERE client = %s", (client.number,)).rowcount, 1, "rows updated")
    return []


def upsert(client, connection, op):
    sql = "INSERT INTO hits VALUES (%s, 1) ON CONFLICT (client) DO UPDATE SET n = hits.n + 1"
    expect(connection.execute(sql, (client.number,)).rowcount, 1, "rows upserted")
    return []


def update_returning(client, connection, op):
    n = connection.execute("UPDATE hits SET n = n + 1 WHERE client = %s RETURNING n", (client.number,)).fetchone()[0]
    least, most = client.bounds("hits")
    if not least < n <= most + 1:
        raise Wrong(f"hits is {n}, told to be between {least} and {most} before")
    return []


def delete(client, connection, op):
    expect(connection.execute("DELETE FROM tokens WHERE op = %s", (op,)).rowcount, 1, "rows deleted")
    return []


def string(client, connection, op):
    cursor = connection.execute(f"INSERT INTO log (op, part) VALUES ({op}, 0); UPDATE hits SET n = n + 1 WHERE client = {client.number}; "
                                f"INSERT INTO log (op, part) VALUES ({op}, 1), ({op}, 2)")
    counts = [cursor.rowcount]
    while cursor.nextset():
        counts.append(cursor.rowcount)
    expect(counts, [1, 1, 2], "counts of a string")
    return range(3)


def pipeline(client, connection, op):
    with connection.pipeline():
        cursors = [connection.execute("INSERT INTO log (op, part) VALUES (%s, %s)", (op, part)) for part in range(3)]
        cursors.append(connection.execute("UPDATE hits SET n = n + 1 WHERE client = %s", (client.number,)))
    expect([cursor.rowcount for cursor in cursors], [1] * 4, "counts of a pipeline")
    return range(3)


def copy(client, connection, op):
    with connection.cursor() as cursor:
        with cursor.copy("COPY log (op, part) FROM STDIN") as rows:
            for part in range(40):
                rows.write_row((op, part))
        expect(cursor.rowcount, 40, "rows copied")
    return range(40)


def create_table(client, connection, op):
    connection.execute(f"CREATE TABLE made_{op} (a int PRIMARY KEY, b text)")
    return []


def block(client, connection, op):
    with connection.transaction():
        insert(client, connection, op)
        update(client, connection, op)
        client.ids[op] = connection.execute("INSERT INTO log (op, part) VALUES (%s, 1) RETURNING id", (op,)).fetchone()[0]
        expect(connection.execute("SELECT count(*) FROM log WHERE op = %s", (op,)).fetchone()[0], 2, "rows seen in the block")
    return range(2)


def block_with_table(client, connection, op):
    with connection.transaction():
        connection.execute(f"CREATE TABLE made_{op} (a int PRIMARY KEY, b text)")
        connection.execute(f"INSERT INTO made_{op} VALUES (1, 'x')")
        insert(client, connection, op)
    return [0]


def block_in_one_string(client, connection, op):
    connection.execute(f"BEGIN; INSERT INTO log (op, part) VALUES ({op}, 0); INSERT INTO log (op, part) VALUES ({op}, 1); COMMIT")
    return range(2)


def rolled_back(client, connection, op):
    with connection.transaction(force_rollback=True):
        insert_many(client, connection, op)
    return []


def refused(client, connection, op):
    """What D1 itself refuses is told as such, whatever the network does."""
    try:
        connection.execute("INSERT INTO log (op, part, id) VALUES (%s, 0, 1), (%s, 1, 1)", (op, op))
    except psycopg.errors.UniqueViolation:
        return []
    raise Wrong("a second row with the same key was accepted")


def read_back(client, connection, op):
    """A client sees what it was told to be there."""
    told = [n for n, outcome in client.outcomes.items() if outcome in ("done", "committed") and client.parts.get(n)]
    if told:
        n = client.chance.choice(told)
        expect(connection.execute("SELECT count(*) FROM log WHERE op = %s", (n,)).fetchone()[0], len(client.parts[n]), f"rows of operation {n}")
    return []


OPERATIONS = [insert, insert_many, insert_returning, update, upsert, update_returning, delete, string, pipeline, copy, create_table, block,
              block_with_table, block_in_one_string, rolled_back, refused, read_back]
# What each writes when it is done: parts of log, and whether it counts a hit, makes a table, takes its token.
PARTS = {insert: 1, insert_many: 5, insert_returning: 1, string: 3, pipeline: 3, copy: 40, block: 2, block_with_table: 1, block_in_one_string: 2}
HITS = (update, upsert, update_returning, string, pipeline, block)
MAKES = (create_table, block_with_table)
TAKES = (delete,)


class Client:
    def __init__(self, number, load):
        self.number, self.load = number, load
        self.chance = random.Random(f"{load.seed}/{number}")
        self.outcomes, self.operations, self.parts, self.ids, self.said = {}, {}, {}, {}, {}
        self.wrong = []

    def bounds(self, what):
        """How often it was certainly counted, and at most."""
        mine = [self.outcomes[op] for op, do in self.operations.items() if do in HITS and op in self.outcomes]
        sure = sum(outcome in ("done", "committed") for outcome in mine)
        return sure, sure + mine.count("unknown")

    def do(self, connection, op, operation):
        self.operations[op] = operation
        try:
            self.parts[op] = list(operation(self, connection, op))
            self.outcomes[op] = "done"
        except psycopg.Error as error:
            self.outcomes[op] = outcome_of(error)
            self.parts[op] = range(PARTS.get(operation, 0))
            self.said[op] = f"{error.sqlstate} {error}"
            self.ids.pop(op, None)
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:  # the block of a string
                connection.execute("ROLLBACK")
        except Wrong as wrong:
            self.outcomes[op], self.parts[op] = "done", ()
            self.wrong.append(f"operation {op} ({operation.__name__}): {wrong}")

    def run(self, connect, operations):
        connection = None
        for op in operations:
            try:
                while connection is None or connection.closed:
                    connection = connect()
                self.do(connection, op, self.chance.choice(self.load.operations))
            except Exception as error:  # a thread's error must not be lost
                self.wrong.append(f"operation {op}: {error!r}")
                connection = None
        if connection:
            connection.close()


def outcome_of(error):
    if error.sqlstate == "08007":
        return "committed" if "was committed" in str(error) else "unknown"
    return "refused" if error.sqlstate and error.sqlstate != "57P01" else "unknown"


class Load:
    def __init__(self, seed, operations=OPERATIONS):
        self.seed, self.operations = seed, operations
        self.clients = []

    def create(self, connection, clients, tokens):
        connection.execute(TABLES)
        connection.execute("INSERT INTO log (op, part) VALUES (0, 0)")
        connection.execute("INSERT INTO hits SELECT g, 0 FROM generate_series(1, %s) g", (clients,))
        connection.execute("INSERT INTO tokens SELECT g FROM generate_series(1, %s) g", (tokens,))
        self.clients = [Client(number, self) for number in range(1, clients + 1)]

    def run(self, connect, operations):
        """Each client does so many, all at once."""
        threads = []
        for client in self.clients:
            first = (client.number - 1) * operations + 1
            threads.append(threading.Thread(target=client.run, args=(connect, range(first, first + operations))))
        for thread in threads:
            thread.start()
        return threads

    def outcomes(self):
        return collections.Counter(outcome for client in self.clients for outcome in client.outcomes.values())

    def unknown(self):
        return [f"operation {op} ({client.operations[op].__name__}): {client.said[op]}" for client in self.clients
                for op, outcome in client.outcomes.items() if outcome == "unknown"]

    def check(self, rows_of):
        """rows_of(sql): the database's rows, asked where nothing is lost. Answers what is wrong."""
        wrong = [line for client in self.clients for line in client.wrong]
        log, ids = collections.defaultdict(list), {}
        for id_, op, part in rows_of("SELECT id, op, part FROM log"):
            log[int(op)].append(int(part))
            ids[int(id_)] = int(op)
        hits = {int(client): int(n) for client, n in rows_of("SELECT client, n FROM hits")}
        tokens = {int(op) for op, in rows_of("SELECT op FROM tokens")}
        tables = {name for name, in rows_of("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        log.pop(0)
        for client in self.clients:
            for op, operation in client.operations.items():
                there = found(log.pop(op, []), PARTS.get(operation, 0))
                effects = [there] if operation in PARTS else [] if there == "nothing" else [there]
                effects += ["all" if f"made_{op}" in tables else "nothing"] if operation in MAKES else []
                effects += ["all" if op not in tokens else "nothing"] if operation in TAKES else []
                wrong += judge(op, operation, client.outcomes[op], effects, client.said.get(op, ""))
            wrong += [f"operation {op} was told id {id_}, which is not its row's" for op, id_ in client.ids.items() if ids.get(id_) != op]
            least, most = client.bounds("hits")
            if not least <= hits[client.number] <= most:
                wrong.append(f"client {client.number}: {hits[client.number]} hits, told {least} to {most}")
        return wrong + [f"rows of operation {op}, which nobody did" for op in log]


def found(parts, n):
    """What is there of a write that has n parts."""
    if not parts:
        return "nothing"
    return "all" if sorted(parts) == list(range(n)) else f"parts {sorted(parts)} of {n}"


def judge(op, operation, outcome, effects, said):
    allowed = {"done": ("all",), "committed": ("all",), "refused": ("nothing",), "unknown": ("all", "nothing")}[outcome]
    if any(effect not in allowed for effect in effects) or len(set(effects)) > 1:
        return [f"operation {op} ({operation.__name__}) was {outcome}, and of it there is: {', '.join(effects)} ({said.strip()})"]
    return []
