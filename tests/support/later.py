"""A statement in a thread of its own, for tests of waiting.

    later = Later(connection, "SELECT pg_advisory_lock(1)"); assert later.waits(); …; later.result()
"""
import threading

import psycopg

WAITS_S, ENDS_S = 0.4, 60


class Later(threading.Thread):
    """answer: its rows, or its tag; problem: its error. Both are None until it has ended."""

    def __init__(self, connection, sql):
        super().__init__(daemon=True)
        self.connection, self.sql, self.answer, self.problem = connection, sql, None, None
        self.start()

    def run(self):
        try:
            cursor = self.connection.execute(self.sql)
            self.answer = cursor.fetchall() if cursor.description else cursor.statusmessage
        except psycopg.Error as problem:
            self.problem = problem

    def waits(self):
        self.join(WAITS_S)
        return self.is_alive()

    def result(self):
        """Its answer, when it has ended; raises its error."""
        self.join(ENDS_S)
        assert not self.is_alive(), f"{self.sql} does not end"
        if self.problem:
            raise self.problem
        return self.answer
