"""Random transactions of many clients, and a checker of what they saw.

Registers hold lists; a transaction reads some and appends its number to others. A list tells the order of its writers, so the checker knows
every dependency between transactions (who wrote what another read, overwrote or missed) and looks for
  G1a  a read of a number that was never committed          G1b  a read inside another transaction's two appends to one register
  lost an append that was committed and is not in the final list, or is there twice
  G2   a cycle of dependencies: no order of the transactions explains what they saw (SERIALIZABLE)
Bank transfers and counters check sums that must not change. Works on PostgreSQL and on pgd1: only a DSN is needed.
"""
import random
import threading

import psycopg

REGISTERS = 6
ACCOUNTS = 5
RETRIED = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


def prepare(connection):
    for statement in ("DROP TABLE IF EXISTS anomaly_register", "DROP TABLE IF EXISTS anomaly_account", "DROP TABLE IF EXISTS anomaly_ticket",
                      "CREATE TABLE anomaly_register (id int PRIMARY KEY, list text NOT NULL)",
                      "CREATE TABLE anomaly_account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0))",
                      "CREATE TABLE anomaly_ticket (number int PRIMARY KEY)"):
        connection.execute(statement)
    for number in range(REGISTERS):
        connection.execute("INSERT INTO anomaly_register VALUES (%s, '')", (number,))
    for number in range(ACCOUNTS):
        connection.execute("INSERT INTO anomaly_account VALUES (%s, 100)", (number,))


class Clients:
    """Threads that run `work(connection, random, number)` until `total` transactions were tried; what it returns is kept."""

    def __init__(self, connect, seed, n_clients, total, work):
        self.connect, self.seed, self.n_clients, self.total, self.work = connect, seed, n_clients, total, work
        self.lock, self.next, self.results, self.failures, self.retries = threading.Lock(), 1, [], [], 0

    def client(self, name):
        rng = random.Random(f"{self.seed}/{name}")
        with self.connect() as connection:
            while True:
                with self.lock:
                    number = self.next
                    self.next += 1
                if number > self.total:
                    return
                try:
                    result = self.work(connection, rng, number)
                except RETRIED:
                    connection.execute("ROLLBACK")
                    with self.lock:
                        self.retries += 1
                    continue
                with self.lock:
                    self.results.append(result)

    def guarded(self, name):
        try:
            self.client(name)
        except Exception as error:  # noqa: BLE001: reported by run()
            self.failures.append(error)

    def run(self):
        threads = [threading.Thread(target=self.guarded, args=(name,)) for name in range(self.n_clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
        return self.results


# ---- registers

def numbers(text):
    return [int(word) for word in text.split(",") if word]


def register_work(level):
    def work(connection, rng, number):
        reads, appends = {}, []
        connection.execute(f"BEGIN ISOLATION LEVEL {level}")
        for _ in range(rng.randint(1, 4)):
            register = rng.randrange(REGISTERS)
            if rng.random() < 0.5:
                seen = numbers(connection.execute("SELECT list FROM anomaly_register WHERE id = %s", (register,)).fetchone()[0])
                reads.setdefault(register, []).append((seen, len([a for a in appends if a == register])))
            else:
                connection.execute("UPDATE anomaly_register SET list = list || %s WHERE id = %s", (f",{number}", register))
                appends.append(register)
        if rng.random() < 0.1:
            connection.execute("ROLLBACK")
            return number, "rolled back", reads, appends
        connection.execute("COMMIT")
        return number, "committed", reads, appends
    return work


def order_of(final):
    """Position of each writer in a list: its first append."""
    return {number: at for at, number in reversed(list(enumerate(final)))}


def dependencies(committed, final):
    """number -> the numbers that must come behind it."""
    edges = {number: set() for number, *_ in committed}
    writers = {register: list(dict.fromkeys(final[register])) for register in final}
    for register, chain in writers.items():
        for before, behind in zip(chain, chain[1:]):
            edges[before].add(behind)
    for number, _, reads, _ in committed:
        for register, seen_lists in reads.items():
            for seen, _ in seen_lists:
                others = [n for n in dict.fromkeys(seen) if n != number]
                if others:
                    edges[others[-1]].add(number)
                missed = [n for n in writers[register] if n not in seen and n != number]
                if missed:
                    edges[number].add(missed[0])
    return edges


def cycle(edges):
    """A cycle of dependencies as a list, or None."""
    state, path = {}, []
    for start in edges:
        if start in state:
            continue
        stack = [(start, iter(edges[start]))]
        state[start] = 1
        path.append(start)
        while stack:
            node, rest = stack[-1]
            for following in rest:
                if state.get(following) == 1:
                    return path[path.index(following):] + [following]
                if following not in state:
                    state[following] = 1
                    path.append(following)
                    stack.append((following, iter(edges[following])))
                    break
            else:
                state[node] = 2
                path.pop()
                stack.pop()
    return None


def check_registers(results, final, serializable):
    """Anomalies as texts."""
    found = []
    committed = [r for r in results if r[1] == "committed"]
    valid = {number for number, *_ in committed}
    for number, _, _, appends in committed:
        for register in set(appends):
            if final[register].count(number) != appends.count(register):
                found.append(f"lost: {number} appended to {register} {appends.count(register)} times, {final[register].count(number)} are there")
    for register, chain in final.items():
        found += [f"G1a: {number} is in register {register} and was not committed" for number in chain if number not in valid]
    for number, _, reads, appends in committed:
        for register, seen_lists in reads.items():
            for seen, own in seen_lists:
                if seen.count(number) != own:
                    found.append(f"own: {number} saw {seen.count(number)} of its {own} appends to {register}")
                for other in set(seen) - {number}:
                    if other not in valid:
                        found.append(f"G1a: {number} read {other} in register {register}, which was not committed")
                    elif seen.count(other) != final[register].count(other):
                        found.append(f"G1b: {number} read a part of what {other} did to register {register}")
    if serializable and not found:
        loop = cycle(dependencies(committed, final))
        if loop:
            found.append(f"G2: {' -> '.join(map(str, loop))}")
    return found


def registers(connect, level, seed, n_clients, total):
    with connect() as connection:
        prepare(connection)
        clients = Clients(connect, seed, n_clients, total, register_work(level))
        results = clients.run()
        final = {number: numbers(text) for number, text in connection.execute("SELECT id, list FROM anomaly_register")}
    return check_registers(results, final, level == "SERIALIZABLE"), len(results), clients.retries


# ---- sums that must not change

def transfer_work(level, lock):
    def work(connection, rng, _):
        source, target = rng.sample(range(ACCOUNTS), 2)
        amount = rng.randint(1, 30)
        connection.execute(f"BEGIN ISOLATION LEVEL {level}")
        balance = {}
        for account in (source, target):
            balance[account] = connection.execute(f"SELECT balance FROM anomaly_account WHERE id = %s{lock}", (account,)).fetchone()[0]
        if balance[source] < amount:
            connection.execute("ROLLBACK")
            return 0
        connection.execute("UPDATE anomaly_account SET balance = %s WHERE id = %s", (balance[source] - amount, source))
        connection.execute("UPDATE anomaly_account SET balance = %s WHERE id = %s", (balance[target] + amount, target))
        connection.execute("COMMIT")
        return 1
    return work


def transfers(connect, level, lock, seed, n_clients, total):
    with connect() as connection:
        prepare(connection)
        clients = Clients(connect, seed, n_clients, total, transfer_work(level, lock))
        done = sum(clients.run())
        balances = [row[0] for row in connection.execute("SELECT balance FROM anomaly_account")]
    wrong = [] if sum(balances) == 100 * ACCOUNTS else [f"money was made or lost: {balances}"]
    return wrong, done, clients.retries


def ticket_work(connection, rng, _):
    """A number drawn by UPDATE and read back, at READ COMMITTED: nobody else may hold it."""
    connection.execute("BEGIN")
    connection.execute("UPDATE anomaly_account SET balance = balance + 1 WHERE id = 0")
    number = connection.execute("SELECT balance FROM anomaly_account WHERE id = 0").fetchone()[0]
    connection.execute("COMMIT")
    return number


def tickets(connect, seed, n_clients, total):
    with connect() as connection:
        prepare(connection)
        clients = Clients(connect, seed, n_clients, total, ticket_work)
        drawn = clients.run()
        last = connection.execute("SELECT balance FROM anomaly_account WHERE id = 0").fetchone()[0]
    wrong = [] if sorted(drawn) == list(range(101, 101 + len(drawn))) and last == 100 + len(drawn) else [f"tickets {sorted(drawn)[:20]}… last {last}"]
    return wrong, len(drawn), clients.retries
