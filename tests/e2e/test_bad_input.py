"""What no honest client sends: each gets an answer or a closed connection, never a crash or a hang, and the next client is served."""
import os
import random
import socket
import struct
import time

import psycopg
import pytest

from pgd1 import Pgd1


@pytest.fixture(scope="module")
def open_door():
    """A server that asks for no password, so that raw sockets get in; one event loop, so that blocking it would show."""
    with Pgd1("embedded", settings={"auth_type": "trust", "worker_threads": 1, "max_message_bytes": "4MB", "d1_timeout": "4s"}) as server:
        fill(server)
        yield server


@pytest.fixture
def patient():
    """The same, for reads that last for as long as their client takes."""
    with Pgd1("embedded", settings={"auth_type": "trust", "worker_threads": 1, "d1_timeout": "100s"}) as server:
        fill(server)
        yield server


def fill(server):
    with server.connect() as connection:
        connection.execute("CREATE TABLE big (id int PRIMARY KEY, t text)")
        connection.execute("INSERT INTO big SELECT g, %s FROM generate_series(1, 5000) g", ("x" * 1000,))


@pytest.fixture(scope="module")
def impatient():
    """A server that waits one second for the start-up packet. Nobody logs in to it: on a busy machine that may take longer."""
    with Pgd1("embedded", settings={"auth_type": "trust", "worker_threads": 1, "client_login_timeout": "1s"}) as server:
        yield server


@pytest.fixture(autouse=True)
def still_serves(request):
    yield
    if "open_door" in request.fixturenames:
        with request.getfixturevalue("open_door").connect() as connection:
            assert connection.execute("SELECT count(*) FROM big").fetchone() == (5000,)


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def startup(parameters=b"user\0postgres\0database\0app\0\0", version=196608):
    return struct.pack("!ii", 8 + len(parameters), version) + parameters


def query(text):
    return message(b"Q", text + b"\0")


def parse(text, name=b""):
    return message(b"P", name + b"\0" + text + b"\0" + struct.pack("!h", 0))


def bind(values, formats=b"\0\0", count=None, results=b"\0\0"):
    body = b"\0\0" + formats + struct.pack("!H", len(values) if count is None else count)
    for value in values:
        body += struct.pack("!i", len(value)) + value
    return message(b"B", body + results)


EXECUTE, SYNC, TERMINATE = message(b"E", b"\0\0\0\0\0"), message(b"S", b""), message(b"X", b"")


class Raw:
    """The protocol by hand."""

    def __init__(self, server, log_in=True):
        self.socket = socket.create_connection(("127.0.0.1", server.port.number), timeout=20)
        if log_in:
            self.send(startup())
            assert self.until_ready()[-1] == (b"Z", b"I")

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, n):
        got = b""
        while len(got) < n:
            part = self.socket.recv(n - len(got))
            if not part:
                raise EOFError
            got += part
        return got

    def receive(self):
        kind, size = struct.unpack("!ci", self.exactly(5))
        return kind, self.exactly(size - 4)

    def until_ready(self):
        answers = []
        while not answers or answers[-1][0] != b"Z":
            answers.append(self.receive())
        return answers

    def to_the_end(self):
        """Everything until the server closes; it may have answered, and may have closed with bytes of ours unread."""
        got = b""
        try:
            while part := self.socket.recv(65536):
                got += part
        except ConnectionError:
            pass
        return got

    def close(self, abruptly=False):
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def codes(answers):
    """SQLSTATEs of the errors among the answers."""
    return [field[1:].decode() for kind, body in answers if kind == b"E" for field in body.split(b"\0") if field[:1] == b"C"]


# --- before authentication

BEFORE = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 512,
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "a length of 0": struct.pack("!ii", 0, 196608),
    "a length of 7": struct.pack("!ii", 7, 196608) + bytes(20),
    "a length of 1 GB": struct.pack("!ii", 1 << 30, 196608),
    "a negative length": struct.pack("!ii", -1, 196608),
    "a length just above the limit": struct.pack("!ii", 10001, 196608) + bytes(9993),
    "protocol 2": startup(version=131072),
    "protocol 4": startup(version=262144),
    "no last NUL": startup(b"user\0postgres"),
    "a name without value": startup(b"user\0"),
    "nobody": startup(b"\0"),
    "a user that is no UTF-8": startup(b"user\0\xff\xfe\0\0"),
    "a cancel request too short": struct.pack("!iih", 10, 80877102, 0),
    "a query instead of a password": query(b"SELECT 1"),
}


@pytest.mark.parametrize("data", BEFORE.values(), ids=BEFORE)
def test_before_authentication(impatient, data):
    with Raw(impatient, log_in=False) as client:
        client.send(data)
        got = client.to_the_end()
        assert got == b"" or got[:1] in b"EN", got


def test_a_client_that_goes_before_it_began_hears_nothing(impatient, oracle):
    """node-postgres sends Terminate when end() comes before the connection is there; an error would be thrown at the program."""
    for port in (impatient.port.number, oracle.port.number):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(TERMINATE)
            assert client.recv(100) == b""


def test_queries_sent_together_are_answered_one_by_one(open_door):
    with Raw(open_door) as client:
        begun = time.monotonic()
        client.send(query(b"SELECT 1") + query(b"SELECT pg_sleep(3)") + parse(b"SELECT 3") + bind([]) + EXECUTE + SYNC)
        assert [kind for kind, _ in client.until_ready()] == [b"T", b"D", b"C", b"Z"]
        assert time.monotonic() - begun < 2
        assert [kind for kind, _ in client.until_ready()] == [b"T", b"D", b"C", b"Z"]
        assert [kind for kind, _ in client.until_ready()] == [b"1", b"2", b"D", b"C", b"Z"]


@pytest.mark.parametrize("data", [query(b"SELECT 1"), message(b"p", b"\xff" * 100), message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 1 << 30) + b"n,,"),
                                  message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", -5)), message(b"p", b""), b"p\x7f\xff\xff\xff",
                                  message(b"p", b"SCRAM-SHA-1\0" + struct.pack("!i", 3) + b"n,,"), b"p\0\0\0\0"])
def test_during_authentication(embedded, data):
    with Raw(embedded, log_in=False) as client:
        client.send(startup())
        assert client.receive()[0] == b"R"
        client.send(data)
        assert client.to_the_end()[:1] == b"E"
    assert embedded.connect().execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("data", [b"", b"\0", startup()[:20]], ids=["nothing", "a byte", "half a packet"])
def test_silence_ends_at_the_login_timeout(impatient, data):
    with Raw(impatient, log_in=False) as client:
        began = time.monotonic()
        client.send(data)
        client.to_the_end()
        assert time.monotonic() - began > 0.5


def test_random_bytes(open_door):
    rng = random.Random(20)
    for n in range(200 if os.environ.get("PGD1_LONG") else 40):
        with Raw(open_door, log_in=n % 2 == 1) as client:
            try:
                client.send(rng.randbytes(rng.randrange(1, 3000)))
                client.socket.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass
            client.to_the_end()


# --- after it

FATAL = {
    "an unknown message": message(b"~", b""),
    "a length of 3": b"Q\0\0\0\3",
    "a length of 0": b"Q\0\0\0\0",
    "a negative length": b"Q\xff\xff\xff\xff",
    "a length of 1 GB": b"Q\x40\0\0\0",
    "a length above the limit": b"Q" + struct.pack("!i", (4 << 20) + 100),
    "a Sync of 1 GB": b"S\x40\0\0\0",
    "a password": message(b"p", b"secret\0"),
}


@pytest.mark.parametrize("data", FATAL.values(), ids=FATAL)
def test_bytes_that_lose_the_stream_end_the_session(open_door, data):
    with Raw(open_door) as client:
        client.send(data)
        answer = client.to_the_end()
        assert answer[:1] == b"E" and b"SFATAL\0" in answer and (b"C08P01\0" in answer or b"C54000\0" in answer), answer


MALFORMED = {
    "a query without its end": message(b"Q", b"SELECT 1"),
    "a query with a second one behind": message(b"Q", b"SELECT 1\0SELECT 2\0"),
    "an empty Parse": message(b"P", b""),
    "a Parse with types that are not there": message(b"P", b"\0SELECT 1\0" + struct.pack("!h", 9)),
    "a Parse with a negative number of types": message(b"P", b"\0SELECT 1\0" + struct.pack("!h", -1)),
    "an empty Bind": message(b"B", b""),
    "a Describe of nothing": message(b"D", b""),
    "a Describe of x": message(b"D", b"x\0"),
    "a Close of x": message(b"C", b"x\0"),
    "an Execute without row limit": message(b"E", b"\0"),
    "a Sync with a body": message(b"S", b"body"),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_messages_are_answered(open_door, data):
    with Raw(open_door) as client:
        client.send(data + SYNC)
        answers, closed = [], False
        try:
            while not answers or answers[-1][0] != b"Z":
                answers.append(client.receive())
        except (EOFError, ConnectionError):
            closed = True
        assert codes(answers) == ["08P01"], answers
        if not closed:
            client.send(TERMINATE)


BINDS = {
    "more values than there are": (bind([b"1"], count=5), "08P01"),
    "too few values": (bind([]), "08P01"),
    "too many values": (bind([b"1", b"2"]), "08P01"),
    "a value longer than the message": (message(b"B", b"\0\0\0\0\0\1" + struct.pack("!i", 1 << 30) + b"1\0\0"), "08P01"),
    "a value of length -2": (message(b"B", b"\0\0\0\0\0\1" + struct.pack("!i", -2) + b"\0\0"), "08P01"),
    "a format nobody knows": (bind([b"1"], formats=struct.pack("!hh", 1, 7)), "22023"),
    "more formats than values": (bind([b"1"], formats=struct.pack("!hhhh", 3, 0, 0, 0)), "08P01"),
    "a text value with NUL": (bind([b"a\0b"]), "22021"),
    "a text value that is no UTF-8": (bind([b"\xc3\x28"]), "22021"),
    "a surrogate": (bind([b"\xed\xa0\x80"]), "22021"),
}


@pytest.mark.parametrize("data, code", BINDS.values(), ids=BINDS)
def test_bind(open_door, data, code):
    with Raw(open_door) as client:
        client.send(parse(b"SELECT $1::text") + data + EXECUTE + SYNC)
        assert codes(client.until_ready()) == [code]
        client.send(parse(b"SELECT $1::text") + bind([b"ok"]) + EXECUTE + SYNC)
        assert (b"D", b"\0\1\0\0\0\2ok") in client.until_ready()


def test_binary_values_of_a_wrong_length(open_door):
    binary = struct.pack("!hh", 1, 1)
    with Raw(open_door) as client:
        for type_name, value, code in ((b"int4", b"123", "08P01"), (b"int4", b"12345", "22P03"), (b"timestamptz", b"1", "08P01"), (b"numeric", b"\0\1", "08P01"),
                                       (b"numeric", struct.pack("!hhhh", 32767, 0, 0, 0), "08P01"), (b"uuid", b"short", "08P01"), (b"bool", b"", "08P01"),
                                       (b"int4[]", struct.pack("!iii", 1 << 30, 0, 23), "54000"), (b"int4[]", struct.pack("!iiiii", 1, 0, 23, 1 << 30, 1), None),
                                       (b"interval", b"abc", "08P01"), (b"text", b"\xff", "22021")):
            client.send(parse(b"SELECT $1::" + type_name) + bind([value], formats=binary) + EXECUTE + SYNC)
            told = codes(client.until_ready())
            assert len(told) == 1 and told[0] != "XX000" and (code is None or told[0] in (code, "22P03")), (type_name, value, told)


def test_names_that_are_not_there(open_door):
    with Raw(open_door) as client:
        for data, code in ((message(b"E", b"nowhere\0\0\0\0\0"), "34000"), (message(b"D", b"Pnowhere\0"), "34000"), (message(b"D", b"Snowhere\0"), "26000"),
                           (message(b"B", b"\0nowhere\0\0\0\0\0\0\0"), "26000")):
            client.send(data + SYNC)
            assert codes(client.until_ready()) == [code]
        client.send(message(b"d", b"stray") + message(b"c", b"") + message(b"f", b"why\0") + query(b"SELECT 1"))
        assert codes(client.until_ready()) == []


# --- texts

DEEP = {
    "100,000 parentheses": ("SELECT " + "(" * 100000 + "1" + ")" * 100000, "54001"),
    "200 kB of 1+1": ("SELECT " + "+".join(["1"] * 100000), "54001"),
    "200 kB of ORs": ("SELECT 1 WHERE " + " OR ".join(["1=2"] * 30000), "54001"),
    "100,000 minus signs": ("SELECT " + "- " * 100000 + "1", "54001"),
    "50,000 NOTs": ("SELECT " + "NOT " * 50000 + "true", "54001"),
    "20,000 subqueries": ("SELECT " + "(SELECT " * 20000 + "1" + ")" * 20000, "54001"),
    "20,000 subqueries in FROM": ("SELECT 1 " + "FROM (SELECT 1 " * 20000 + ") x" * 20000, "54001"),
    "20,000 calls": ("SELECT " + "abs(" * 20000 + "1" + ")" * 20000, "54001"),
    "20,000 CASEs": ("SELECT " + "CASE WHEN true THEN " * 20000 + "1" + " END" * 20000, "54001"),
    "20,000 casts": ("SELECT 1" + "::int" * 20000, "54001"),
    "50,000 array brackets": ("SELECT " + "ARRAY[" * 50000 + "1" + "]" * 50000, "54001"),
    "20,000 UNIONs": ("SELECT 1" + " UNION ALL SELECT 1" * 20000, None),
    "10,000 joins": ("SELECT 1 FROM big" + " CROSS JOIN big" * 10000, None),
    "100,000 comments": ("SELECT " + "/*" * 100000 + "*/" * 100000 + " 1", None),
    "an unfinished comment": ("SELECT /*" * 1000, "42601"),
    "an unfinished text": ("SELECT 'abc", "42601"),
    "an unfinished name": ('SELECT "abc', "42601"),
    "an unfinished dollar text": ("SELECT $a$abc", "42601"),
    "100,000 columns": ("SELECT " + ",".join(["1"] * 100000), "54011"),
    "a name of 1 MB": ('SELECT 1 AS "' + "n" * 1000000 + '"', None),
    "a text of 3 MB": ("SELECT length('" + "x" * 3000000 + "')", None),
    "100,000 values in a list": ("SELECT 1 WHERE 5 IN (" + ",".join(map(str, range(100000))) + ")", None),
    "parameter 70,000": ("SELECT $70000", None),
    "parameter 99999999999": ("SELECT $99999999999", None),
    "10,000 digits": ("SELECT " + "9" * 10000, None),
    "a number out of any range": ("SELECT 1e1000000", None),
    "100,000 statements": ("SELECT 1;" * 100000, None),
    "only semicolons": (";" * 100000, None),
    "JSON of 100,000 brackets": ("SELECT '" + "[" * 100000 + "'::jsonb", None),
    "an array text of 100,000 braces": ("SELECT '" + "{" * 100000 + "'::int[]", None),
    "a pattern for ever": ("SELECT repeat('a', 30) ~ '(a*)*(a*)*(a*)*b'", None),
    "a regular expression of 100,000 parentheses": ("SELECT 'a' ~ '" + "(" * 100000 + "a" + ")" * 100000 + "'", None),
}


@pytest.mark.parametrize("text, code", DEEP.values(), ids=DEEP)
def test_texts(open_door, text, code):
    with Raw(open_door) as client:
        client.socket.settimeout(60)
        client.send(query(text.encode()))
        told = codes(client.until_ready())
        assert "XX000" not in told and (told == [code] if code else len(told) < 2), told
        client.send(query(b"SELECT 1"))
        assert codes(client.until_ready()) == []


@pytest.mark.parametrize("text", [b"SELECT '\xff'", b"SELECT '\xc0\x80'", b"SELECT '\xf5\x80\x80\x80'", b"SELECT 1 AS \"\xe4\"", b"-- \xfe\nSELECT 1",
                                  b"SELECT U&'\\D800'", b"SELECT E'\\xff'"])
def test_texts_that_are_no_utf8(open_door, text):
    with Raw(open_door) as client:
        client.send(query(b"SELECT 1"))
        client.until_ready()
        client.send(query(text))
        assert codes(client.until_ready()) in (["22021"], ["42601"]), text
        client.send(parse(text) + SYNC)
        assert codes(client.until_ready()) in (["22021"], ["42601"]), text


# --- clients that leave


@pytest.mark.parametrize("abruptly", [False, True], ids=["close", "reset"])
def test_gone_in_the_middle(open_door, abruptly):
    work = {
        "result": query(b"SELECT * FROM big"),
        "sorted": query(b"SELECT * FROM big ORDER BY t, id DESC"),
        "long": query(b"SELECT count(*) FROM big a, big b, big c WHERE a.id + b.id + c.id = -1"),
        "copy out": query(b"COPY big TO STDOUT"),
        "copy in": query(b"COPY big FROM STDIN") + message(b"d", b"100000\tnot kept\n"),
        "pipeline": parse(b"SELECT * FROM big") + (bind([]) + EXECUTE) * 20,
        "write": parse(b"INSERT INTO big VALUES (-1, 'never')") + bind([]) + EXECUTE,
        "block": query(b"BEGIN; SELECT 1"),
        "half a message": b"Q\0\0\1\0SELECT",
    }
    for data in work.values():
        for wait in (0, 0.02):
            client = Raw(open_door)
            client.send(data)
            if wait:
                client.socket.recv(4000) if data[:1] == b"Q" and b"SELECT * " in data else time.sleep(wait)
            client.close(abruptly)
    with open_door.connect() as connection:
        end = time.monotonic() + 30
        while connection.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").fetchone() != (1,):
            assert time.monotonic() < end, connection.execute("SELECT pid, state, query FROM pg_stat_activity").fetchall()
            time.sleep(0.05)


def test_a_message_of_nearly_the_limit(open_door):
    """In pieces of any size: the buffer grows to what a message may take."""
    for size in (2 << 20, 3 << 20, (4 << 20) - 100):
        for piece in (size, 100001, 65536):
            text = b"SELECT length('" + b"x" * size + b"')"
            with Raw(open_door) as client:
                whole = query(text[:size])  # an unfinished text: answered at once
                for at in range(0, len(whole), piece):
                    client.send(whole[at:at + piece])
                assert codes(client.until_ready()) == ["42601"]


def test_a_client_that_does_not_read_holds_up_nobody(patient):
    slow = [Raw(patient) for _ in range(5)]
    for client in slow:
        client.send(query(b"SELECT * FROM big; SELECT * FROM big"))
    with patient.connect() as connection:
        for _ in range(20):
            assert connection.execute("SELECT count(*) FROM big").fetchone() == (5000,)
    for client in slow:
        answers = client.until_ready()
        assert codes(answers) == [] and sum(kind == b"D" for kind, _ in answers) == 10000
        client.close()


def test_a_gigabyte_promised_is_not_reserved(open_door):
    def resident():
        with open(f"/proc/{open_door.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before, clients = resident(), [Raw(open_door) for _ in range(20)]
    for client in clients:
        client.send(b"Q" + struct.pack("!i", 4 << 20) + b"SELECT")
    time.sleep(0.3)
    grown = resident() - before
    for client in clients:
        client.close()
    assert grown < 40 << 20, grown
