"""TLS: what clients ask for and what the configuration allows, channel binding, client certificates, files that are wrong, reload."""
import asyncio
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

import asyncpg
import psycopg
import pytest

from pgd1 import Pgd1, binary

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
STARTUP = struct.pack("!ii", 36, 196608) + b"user\0postgres\0database\0app\0\0"
# How a certificate is signed decides the hash of tls-server-end-point.
SIGNATURES = {"ec-sha256": ("ec", "-sha256"), "rsa-sha384": ("rsa", "-sha384"), "rsa-sha512": ("rsa", "-sha512"), "rsa-sha1": ("rsa", "-sha1"),
              "ed25519": ("ed25519", None)}
KEYS = {"ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ed25519": ["-algorithm", "ED25519"]}


def openssl(*arguments, text=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=text, capture_output=True, text=True, check=True).stdout


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder, name):
        self.folder, self.certificate, self._key = folder, folder / f"{name}.crt", folder / f"{name}.key"
        openssl("genpkey", *KEYS["ec"], "-out", self._key)
        openssl("req", "-x509", "-new", "-key", self._key, "-subj", f"/CN={name}", "-days", 30, "-out", self.certificate)

    def issue(self, name, kind="ec", digest="-sha256", alternative="DNS:localhost,IP:127.0.0.1"):
        """Certificate and key files of that name."""
        certificate, key, request = (self.folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        openssl("genpkey", *KEYS[kind], "-out", key)
        key.chmod(0o600)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}", "-out", request)
        signing = [digest] if digest else []
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-copy_extensions", "copy", "-days", 30, *signing,
                "-out", certificate)
        return certificate, key

    def own(self, name, kind, digest):
        """A certificate signed by its own key."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        openssl("genpkey", *KEYS[kind], "-out", key)
        key.chmod(0o600)
        signing = [digest] if digest else []
        openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=localhost", "-days", 30, *signing, "-out", certificate)
        return certificate, key


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"), "authority")


@pytest.fixture(scope="module")
def issued(authority):
    return authority.issue("server")


def settings(files, sslmode="require", **more):
    certificate, key = files
    return {"client_tls_sslmode": sslmode, "client_tls_cert_file": certificate, "client_tls_key_file": key, **more}


@pytest.fixture(scope="module")
def strict(issued):
    """Refuses clients without TLS."""
    with Pgd1("embedded", settings=settings(issued)) as server:
        yield server


def shown_certificate(server):
    """What the server shows a new client, as PEM."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port.number), timeout=10) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as secure:
            return ssl.DER_cert_to_PEM_cert(secure.getpeercert(True))


def pem(path):
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(pathlib.Path(path).read_text()))


def rest_of(plain):
    """Everything until the other side closes."""
    plain.settimeout(20)
    got = b""
    try:
        while part := plain.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


# --- what a client asks for


def test_require_and_verify_full(strict, authority):
    with strict.connect(sslmode="require") as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SHOW ssl").fetchone() == ("on",)
    for host in ("127.0.0.1", "localhost"):
        with strict.connect(sslmode="verify-full", sslrootcert=authority.certificate, host=host) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_verify_full_notices_another_name_and_another_authority(authority, tmp_path):
    with Pgd1("embedded", settings=settings(authority.issue("elsewhere", alternative="DNS:elsewhere.example"))) as server:
        with pytest.raises(psycopg.OperationalError, match="does not match host name"):
            server.connect(sslmode="verify-full", sslrootcert=authority.certificate)
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            server.connect(sslmode="verify-ca", sslrootcert=Authority(tmp_path, "stranger").certificate)
        server.connect(sslmode="verify-ca", sslrootcert=authority.certificate).close()


def test_a_client_without_tls_is_refused_where_it_is_required(strict):
    with pytest.raises(psycopg.OperationalError, match="connections without TLS are not allowed") as raised:
        strict.connect(sslmode="disable")
    assert "sslmode=require" in str(raised.value)
    done = strict.psql("-c", "SELECT 1", f"sslmode=disable host=127.0.0.1", check=False)
    assert done.returncode == 2 and "FATAL:  connections without TLS are not allowed" in done.stderr


def test_the_unix_socket_needs_no_tls(strict):
    with strict.connect(host=strict.folder, sslmode="prefer") as connection:
        assert not connection.pgconn.ssl_in_use
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("mode", ["allow", "prefer"])
def test_where_tls_is_possible_both_ways_work(issued, mode):
    with Pgd1("embedded", settings=settings(issued, mode)) as server:
        for wanted, encrypted in (("disable", False), ("allow", False), ("prefer", True), ("require", True)):
            with server.connect(sslmode=wanted) as connection:
                assert connection.pgconn.ssl_in_use == encrypted


def test_without_tls_sslmode_require_fails_and_prefer_goes_on(embedded):
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        embedded.connect(sslmode="require")
    with embedded.connect(sslmode="prefer") as connection:
        assert not connection.pgconn.ssl_in_use
        assert connection.execute("SHOW ssl").fetchone() == ("off",)


@pytest.mark.skipif(psycopg.pq.version() < 170000, reason="libpq older than 17 has no direct TLS")
def test_direct_tls(strict, authority):
    with strict.connect(sslmode="verify-full", sslrootcert=authority.certificate, sslnegotiation="direct") as connection:
        assert connection.execute("SELECT 'direct'").fetchone() == ("direct",)


def test_direct_tls_without_alpn_is_closed(strict):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", strict.port.number), timeout=10) as plain:
        with context.wrap_socket(plain) as secure:
            try:
                secure.sendall(STARTUP)
                assert secure.recv(100) == b""
            except (ssl.SSLError, ConnectionError):
                pass  # closed without ceremony is closed as well


@pytest.mark.parametrize("protocols, version, passes", [("secure", "TLSv1.2", True), ("secure", "TLSv1.3", True), ("tlsv1.3", "TLSv1.2", False),
                                                        ("tlsv1.2", "TLSv1.3", False), ("tlsv1.2", "TLSv1.2", True)])
def test_versions(issued, protocols, version, passes):
    with Pgd1("embedded", settings=settings(issued, client_tls_protocols=protocols)) as server:
        wish = {"sslmode": "require", "ssl_min_protocol_version": version, "ssl_max_protocol_version": version}
        if passes:
            assert server.connect(**wish).execute("SELECT 1").fetchone() == (1,)
        else:
            with pytest.raises(psycopg.OperationalError, match="(?i)version"):
                server.connect(**wish)


# --- channel binding


@pytest.mark.parametrize("kind, digest", SIGNATURES.values(), ids=SIGNATURES)
def test_channel_binding(authority, kind, digest):
    with Pgd1("embedded", settings=settings(authority.own(f"bound{kind}{digest}", kind, digest))) as server:
        if kind == "ed25519":  # its signature names no hash: libpq cannot bind to it either
            with pytest.raises(psycopg.OperationalError):
                server.connect(sslmode="require", channel_binding="require")
            assert server.connect(sslmode="require", channel_binding="disable").execute("SELECT 1").fetchone() == (1,)
            return
        for version in ("TLSv1.2", "TLSv1.3"):
            wish = {"sslmode": "require", "ssl_min_protocol_version": version, "ssl_max_protocol_version": version}
            for binding in ("require", "prefer", "disable"):
                with server.connect(channel_binding=binding, **wish) as connection:
                    assert connection.execute("SELECT 1").fetchone() == (1,)
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                server.connect(channel_binding="require", password="wrong", **wish)


def test_channel_binding_cannot_be_had_without_tls(embedded):
    with pytest.raises(psycopg.OperationalError, match="channel binding"):
        embedded.connect(channel_binding="require", sslmode="disable")


class Relay(threading.Thread):
    """Somebody in the middle: a TLS server with a certificate of its own, a TLS client of the real server."""

    def __init__(self, files, port):
        super().__init__(daemon=True)
        self.port, self.listener = port, socket.create_server(("127.0.0.1", 0))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)

    def run(self):
        outward = ssl.create_default_context()
        outward.check_hostname, outward.verify_mode = False, ssl.CERT_NONE
        client, _ = self.listener.accept()
        assert client.recv(8) == SSL_REQUEST
        client.sendall(b"S")
        server = socket.create_connection(("127.0.0.1", self.port))
        server.sendall(SSL_REQUEST)
        server.recv(1)
        with self.context.wrap_socket(client, server_side=True) as left, outward.wrap_socket(server) as right:
            while self.copy(left, right):
                pass

    @staticmethod
    def copy(left, right):
        """What either side has said, to the other; one thread, because an SSL object serves one at a time."""
        for source in select.select([left, right], [], [], 30)[0]:
            part = source.recv(65536)
            if not part:
                return False
            (right if source is left else left).sendall(part)
            while source.pending():
                (right if source is left else left).sendall(source.recv(65536))
        return True


def test_channel_binding_notices_somebody_in_the_middle(strict, authority):
    relay = Relay(authority.issue("middle"), strict.port.number)
    relay.start()
    with pytest.raises(psycopg.OperationalError, match="SCRAM channel binding check failed"):
        strict.connect(port=relay.listener.getsockname()[1], sslmode="require", channel_binding="require")
    relay.join(10)
    relay.listener.close()


# --- certificates of clients


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_client_certificates(authority, issued, tmp_path, mode):
    certificate, key = authority.issue("client")
    stranger_certificate, stranger_key = Authority(tmp_path, "stranger").issue("client")
    with Pgd1("embedded", settings=settings(issued, mode, client_tls_ca_file=authority.certificate)) as server:
        with server.connect(sslmode="require", sslcert=certificate, sslkey=key) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        for nobody in ({"sslcert": tmp_path / "none", "sslkey": tmp_path / "none"}, {"sslcert": stranger_certificate, "sslkey": stranger_key}):
            with pytest.raises(psycopg.OperationalError):
                server.connect(sslmode="require", **nobody)


# --- much data, other clients


def test_large_results_copy_and_cancel(strict):
    with strict.connect(sslmode="require") as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT repeat('x', 3000000)").fetchone() == ("x" * 3000000,)
        cursor.execute("CREATE TABLE bulk (id int, name text)")
        with cursor.copy("COPY bulk FROM STDIN") as copy:
            for n in range(20000):
                copy.write_row((n, f"name {n}" * 10))
        with cursor.copy("COPY bulk TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 20000
        threading.Timer(0.3, connection.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            cursor.execute("SELECT count(*) FROM bulk a, bulk b, bulk c WHERE a.id + b.id + c.id = -1")
        cursor.execute("DROP TABLE bulk")


def test_psql_and_asyncpg(strict, authority):
    done = strict.psql("-At", "-c", "SELECT 42", f"sslmode=verify-full sslrootcert={authority.certificate} channel_binding=require")
    assert done.stdout == "42\n"

    async def go():
        context = ssl.create_default_context(cafile=str(authority.certificate))
        connection = await asyncpg.connect(host="localhost", port=strict.port.number, user="postgres", password=strict.password, database="app",
                                           ssl=context)
        try:
            return await connection.fetchval("SELECT sum(g) FROM generate_series(1, 1000) g")
        finally:
            await connection.close()

    assert asyncio.run(go()) == 500500


# --- no handshake, or not quite


def test_bytes_after_the_request_for_tls_are_not_believed(strict):
    """CVE-2021-23214: what comes before the handshake may be somebody else's."""
    with socket.create_connection(("127.0.0.1", strict.port.number), timeout=10) as plain:
        plain.sendall(SSL_REQUEST + STARTUP)
        assert rest_of(plain) in (b"", b"S")
    strict.wait_for_log("unencrypted_data")


def test_garbage_instead_of_a_handshake_is_closed(strict):
    with socket.create_connection(("127.0.0.1", strict.port.number), timeout=10) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        rest_of(plain)
    assert strict.connect(sslmode="require").execute("SELECT 1").fetchone() == (1,)


def test_a_second_request_inside_tls_is_answered_no(strict):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", strict.port.number), timeout=10) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as secure:
            secure.sendall(SSL_REQUEST)
            assert secure.recv(1) == b"N"


def test_half_a_handshake_ends_at_the_login_timeout(issued):
    with Pgd1("embedded", settings=settings(issued, client_login_timeout="1s")) as server:
        with socket.create_connection(("127.0.0.1", server.port.number), timeout=10) as plain:
            plain.sendall(SSL_REQUEST)
            assert plain.recv(1) == b"S"
            plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
            began = time.monotonic()
            rest_of(plain)
            assert time.monotonic() - began < 10


def test_half_a_record_stops_nobody_else(issued):
    """The rest of a record may be long in coming: the event loop does not wait for it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with Pgd1("embedded", settings=settings(issued, worker_threads=1)) as server:
        with socket.create_connection(("127.0.0.1", server.port.number), timeout=10) as plain:
            plain.sendall(SSL_REQUEST)
            assert plain.recv(1) == b"S"
            secure = context.wrap_bio(incoming, outgoing)
            while True:
                try:
                    secure.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(65536))
            secure.write(STARTUP)
            record = outgoing.read()
            plain.sendall(record[:-10])
            for _ in range(3):
                with server.connect(sslmode="require", connect_timeout=5) as connection:
                    assert connection.execute("SELECT 1").fetchone() == (1,)
            plain.sendall(record[-10:])
            assert plain.recv(100)


# --- files


def write(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def check(tmp_path, **keys):
    """pgd1 check on a configuration with these keys."""
    lines = ["[pgd1]", *(f"{key} = {value}" for key, value in keys.items()), "[databases]", "app = d1=embedded path=app.db", "[users]", "postgres = 'x'"]
    path = write(tmp_path / "pgd1.ini", "\n".join(lines) + "\n")
    return subprocess.run([binary(), "check", path], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


def broken_files(authority, tmp_path):
    certificate, key = authority.issue("whole")
    _, other_key = authority.issue("other")
    secret = tmp_path / "secret.key"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", secret)
    nothing, garbage, empty = tmp_path / "nothing", write(tmp_path / "garbage", "no certificate\n"), write(tmp_path / "empty", "")
    return {
        "certificate file": [(nothing, key), (garbage, key), (empty, key), (tmp_path, key), (key, key)],
        "private key file": [(certificate, nothing), (certificate, garbage), (certificate, other_key), (certificate, secret), (certificate, certificate)],
    }


def test_wrong_files_are_named(authority, tmp_path):
    for what, pairs in broken_files(authority, tmp_path).items():
        for files in pairs:
            done = check(tmp_path, **settings(files))
            culprit = files[0] if what == "certificate file" else files[1]
            assert done.returncode == 1 and what in done.stderr and f'"{culprit}"' in done.stderr, (files, done)
            assert "Enter" not in done.stderr and "memory" not in done.stderr, done
    whole = authority.issue("whole")
    for authorities in (tmp_path / "nothing", tmp_path / "garbage"):
        done = check(tmp_path, **settings(whole, "verify-ca", client_tls_ca_file=authorities))
        assert done.returncode == 1 and "root certificate file" in done.stderr and str(authorities) in done.stderr, done
    assert check(tmp_path, **settings(whole)).stdout.endswith("ok\n")


def test_reload_takes_a_new_certificate_and_keeps_the_old_one_when_it_is_wrong(authority, tmp_path):
    first, second = authority.issue("first"), authority.issue("second")
    files = write(tmp_path / "live.crt", first[0].read_text()), write(tmp_path / "live.key", first[1].read_text())
    with Pgd1("embedded", settings=settings(files)) as server, server.connect(sslmode="require", channel_binding="require") as early:
        assert shown_certificate(server) == pem(first[0])
        files[0].write_text(second[0].read_text())
        server.reload()  # the key is still the first one
        server.wait_for_log("reload_failed")
        assert "live.key" in server.log() and shown_certificate(server) == pem(first[0])
        files[1].write_text(second[1].read_text())
        server.reload()
        server.wait_for_log("info reloaded")
        assert shown_certificate(server) == pem(second[0])
        assert early.execute("SELECT 'still there'").fetchone() == ("still there",)
        with server.connect(sslmode="require", channel_binding="require") as late:
            assert late.execute("SELECT 1").fetchone() == (1,)


def test_reload_takes_a_new_sslmode(issued):
    with Pgd1("embedded") as server:
        server.connect(sslmode="disable").close()
        server.settings.update(settings(issued))
        server.write_config()
        server.reload()
        server.wait_for_log("info reloaded")
        with pytest.raises(psycopg.OperationalError, match="connections without TLS"):
            server.connect(sslmode="disable")
        assert server.connect(sslmode="require").pgconn.ssl_in_use
