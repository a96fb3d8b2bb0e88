"""pgd1 behind a bad network (network.py) to a D1 of its own."""
import contextlib
import http.client
import json
import urllib.parse

import psycopg

from network import Network
from pgd1 import Pgd1, Workerd


class Behind:
    """settings: keys of [pgd1]; options: more of the database's own line."""

    def __init__(self, kind, folder, options="", **settings):
        self.kind, self.d1 = kind, Workerd(folder)
        fields, key = self.d1.info[{"workerd": "gateway"}.get(kind, kind)], "url" if kind == "workerd" else "base_url"
        self.direct = dict(self.d1.info["gateway"])
        self.network = Network(fields[key])
        self.network.__enter__()
        fields[key] = self.network.url
        self.server = Pgd1(kind, workerd=self.d1, options=options, settings={"commit_resolution_timeout": "60s", **settings})

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *_):
        self.network.reset()
        try:
            self.server.stop()
        finally:
            self.network.__exit__()
            self.d1.stop()

    def rows_of(self, sql):
        """What is in the database, asked past the network and pgd1."""
        parts = urllib.parse.urlsplit(self.direct["url"])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        body = {"db": self.direct["binding"], "statements": [{"sql": sql}]}
        connection.request("POST", "/v1/batch", json.dumps(body), {"authorization": "Bearer " + self.direct["token"]})
        answer = json.load(connection.getresponse())
        connection.close()
        return answer["results"][0]["rows"]

    def look_again(self, connection):
        """What was changed past pgd1 is seen: it reads the schema when a name is missing."""
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            connection.execute("SELECT 1 FROM is_there_a_table_of_this_name")

    def send(self, target, body, token):
        """A request as it is, past pgd1: status and answer."""
        parts = urllib.parse.urlsplit(self.network.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        connection.request("POST", parts.path + target, body, {"authorization": "Bearer " + token, "content-type": "application/json"})
        answer = connection.getresponse()
        status, told = answer.status, json.load(answer)
        connection.close()
        return status, told
