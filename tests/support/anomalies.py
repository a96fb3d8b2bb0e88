"""Random transactions of many clients, and a checker of what they saw.

Registers hold lists; a transaction reads some and appends its number to others. A list tells the order of its writers, so the checker knows
every dependency between transactions (who wrote what another read, overwrote or missed). Classes hold rows: a transaction inserts its number
into one, and reads all rows of one. The checker looks for (names of Adya's thesis, "Weak Consistency", 1999)
  G1a  a read of a number that was never committed          G1b  a read inside another transaction's two appends to one register
  G1c  a cycle of transactions that each read or overwrote what the next one wrote
  lost an append or a row that was committed and is not there at the end, or is there twice
  moved  two reads of one transaction that differ though it wrote nothing between them: rows changed, or phantoms (REPEATABLE READ)
  G-single  a cycle with one read that missed a write: a lost update, or a read that no snapshot explains (REPEATABLE READ)
  G2   a cycle of dependencies: no order of the transactions explains what they saw, write skew among them (SERIALIZABLE)
Bank transfers and counters check sums that must not change. Works on PostgreSQL and on pgd1: only a DSN is needed.
"""
import heapq
import random
import threading

import psycopg

REGISTERS = 6
ACCOUNTS = 5
CLASS_SIZE = 25
RETRIED = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


def prepare(connection):
    for statement in ("DROP TABLE IF EXISTS anomaly_register", "DROP TABLE IF EXISTS anomaly_account", "DROP TABLE IF EXISTS anomaly_member",
                      "CREATE TABLE anomaly_register (id int PRIMARY KEY, list text NOT NULL)",
                      "CREATE TABLE anomaly_account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0))",
                      "CREATE TABLE anomaly_member (class int, number int, PRIMARY KEY (class, number))"):
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


class Transaction:
    """What one transaction did. `reads`: (register or class, numbers seen, own writes there before), in order; `writes`: register or class
    by append. Registers are numbers, classes are texts."""

    def __init__(self, number):
        self.number, self.committed, self.reads, self.writes = number, False, [], []

    def saw(self, place, seen):
        self.reads.append((place, seen, self.writes.count(place)))


def register_step(connection, rng, done):
    register = rng.randrange(REGISTERS)
    if rng.random() < 0.5:
        text = connection.execute("SELECT list FROM anomaly_register WHERE id = %s", (register,)).fetchone()[0]
        done.saw(register, numbers(text))
    else:
        connection.execute("UPDATE anomaly_register SET list = list || %s WHERE id = %s", (f",{done.number}", register))
        done.writes.append(register)


def class_step(connection, rng, done):
    """Classes follow the transaction's number, so that those that run together meet and no class grows for ever."""
    number = done.number // CLASS_SIZE + rng.randrange(2)
    place = f"class {number}"
    if rng.random() < 0.5 or place in done.writes:
        rows = connection.execute("SELECT number FROM anomaly_member WHERE class = %s ORDER BY number", (number,)).fetchall()
        done.saw(place, [row[0] for row in rows])
    else:
        connection.execute("INSERT INTO anomaly_member VALUES (%s, %s)", (number, done.number))
        done.writes.append(place)


def history_work(level):
    def work(connection, rng, number):
        done = Transaction(number)
        connection.execute(f"BEGIN ISOLATION LEVEL {level}")
        for _ in range(rng.randint(1, 5)):
            (register_step if rng.random() < 0.7 else class_step)(connection, rng, done)
        if rng.random() < 0.1:
            connection.execute("ROLLBACK")
        else:
            connection.execute("COMMIT")
            done.committed = True
        return done
    return work


def dependencies(committed, final):
    """Two maps, number -> the numbers that must come behind it: because it read or overwrote what the first wrote, and because the first
    missed its write."""
    behind, missed = ({done.number: set() for done in committed} for _ in range(2))
    writers = {place: list(dict.fromkeys(chain)) for place, chain in final.items()}
    for place, chain in writers.items():
        if isinstance(place, int):
            for before, after in zip(chain, chain[1:]):
                behind[before].add(after)
    for done in committed:
        for place, seen, _ in done.reads:
            # The rows of a class tell no order: each is a dependency. The writers of a register follow each other: the nearest is enough.
            several = not isinstance(place, int)
            others = [n for n in dict.fromkeys(seen) if n != done.number]
            for other in others if several else others[-1:]:
                behind[other].add(done.number)
            absent = [n for n in writers.get(place, ()) if n not in seen and n != done.number]
            missed[done.number].update(absent if several else absent[:1])
    return behind, missed


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


def positions(edges):
    """number -> its place in an order that obeys the edges, which have no cycle; the smallest number first."""
    waiting = {number: 0 for number in edges}
    for following in edges.values():
        for number in following:
            waiting[number] += 1
    ready, order = [number for number, count in waiting.items() if not count], {}
    heapq.heapify(ready)
    while ready:
        number = heapq.heappop(ready)
        order[number] = len(order)
        for following in edges[number]:
            waiting[following] -= 1
            if not waiting[following]:
                heapq.heappush(ready, following)
    return order


def path(edges, start, end, order):
    """The numbers on a way from start to end, or None; none of them stands behind end in the order."""
    came, todo = {start: None}, [start]
    while todo:
        node = todo.pop()
        if node == end:
            way = []
            while node is not None:
                way.append(node)
                node = came[node]
            return way[::-1]
        for following in edges[node]:
            if following not in came and order[following] <= order[end]:
                came[following] = node
                todo.append(following)
    return None


def cycle_with_one_miss(behind, missed):
    order = positions(behind)
    for number, absent in missed.items():
        for other in absent:
            way = path(behind, other, number, order) if order[other] < order[number] else None
            if way:
                return way
    return None


def text_of(way):
    return " -> ".join(map(str, way))


def check_cycles(committed, final, level):
    behind, missed = dependencies(committed, final)
    loop = cycle(behind)
    if loop:
        return [f"G1c: {text_of(loop)}"]
    if level == "REPEATABLE READ":
        way = cycle_with_one_miss(behind, missed)
        return [f"G-single: {way[-1]} missed what {way[0]} wrote, and {text_of(way)}"] if way else []
    if level == "SERIALIZABLE":
        loop = cycle({number: behind[number] | missed[number] for number in behind})
        return [f"G2: {text_of(loop)}"] if loop else []
    return []


def check_reads(done, valid, final, level):
    """Anomalies that one transaction's reads show by themselves."""
    found, before = [], {}
    for place, seen, own in done.reads:
        if seen.count(done.number) != own:
            found.append(f"own: {done.number} saw {seen.count(done.number)} of its {own} writes to {place}")
        for other in sorted(set(seen) - {done.number}):
            if other not in valid:
                found.append(f"G1a: {done.number} read {other} in {place}, which was not committed")
            elif seen.count(other) != final.get(place, []).count(other):
                found.append(f"G1b: {done.number} read a part of what {other} did to {place}")
        others = [n for n in seen if n != done.number]
        if level != "READ COMMITTED" and before.setdefault(place, others) != others:
            found.append(f"moved: {done.number} saw {before[place]} in {place}, then {others}")
    return found


def check_history(results, final, level):
    """Anomalies as texts. final: register or class -> the numbers in it at the end."""
    found = []
    committed = [done for done in results if done.committed]
    valid = {done.number for done in committed}
    for done in committed:
        for place in dict.fromkeys(done.writes):
            expected, there = done.writes.count(place), final.get(place, []).count(done.number)
            if there != expected:
                found.append(f"lost: {done.number} wrote {expected} times to {place}, {there} are there")
    for place, chain in final.items():
        found += [f"G1a: {number} is in {place} and was not committed" for number in chain if number not in valid]
    for done in results:
        found += check_reads(done, valid, final, level)
    return found or check_cycles(committed, final, level)


def histories(connect, level, seed, n_clients, total):
    with connect() as connection:
        prepare(connection)
        clients = Clients(connect, seed, n_clients, total, history_work(level))
        results = clients.run()
        final = {number: numbers(text) for number, text in connection.execute("SELECT id, list FROM anomaly_register")}
        for number, member in connection.execute("SELECT class, number FROM anomaly_member ORDER BY number"):
            final.setdefault(f"class {number}", []).append(member)
    return check_history(results, final, level), len(results), clients.retries


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
