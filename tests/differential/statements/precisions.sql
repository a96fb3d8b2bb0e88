-- what functions of a type's name do to the digits of a second, and to the length that is told
CREATE TABLE p (id int PRIMARY KEY, ts timestamp, ts3 timestamp(3), tz3 timestamptz(3), tm3 time(3), v varchar(5), n numeric(10,2), b char(4));
INSERT INTO p VALUES (1, '2024-02-29 12:34:56.789123', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789+00', '12:34:56.789', 'abc', 1.5, 'x');
SELECT "timestamp"(ts3), "time"(tm3), "varchar"(v), "numeric"(n), "timestamptz"(tz3) FROM p;
SELECT "bpchar"(b), "text"(v) FROM p;
SELECT "timestamp"(ts3, 100), "timestamp"(ts3, 6), "timestamp"(ts3, 3), "timestamp"(ts3, 2), "timestamp"(ts, 6), "timestamp"(ts, -1), "timestamp"(ts, -7) FROM p;
SELECT "timestamp"(ts, 100) FROM p;
SELECT "timestamp"(ts, 4) FROM p;
SELECT "interval"(ts - ts3, -5) FROM p;
SELECT "timestamp"(ts3, 4) FROM p;
SELECT "timestamp"(ts3, 1) FROM p;
SELECT "timestamptz"(tz3, 9), "time"(tm3, 9), "time"(tm3, 2), "timetz"(tm3::timetz(2), 2) FROM p;
SELECT "timestamptz"('2024-01-01 00:00:00+00'::timestamptz, 9);
SELECT "timetz"('10:00:00.5+00'::timetz, -9), "time"('10:00:00.5'::time, 0);
SELECT "timestamp"((SELECT ts3 FROM p), 9), max("timestamp"(ts3, 9)), first_value("timestamp"(max(ts3), 6)) OVER () FROM p;
SELECT id FROM p WHERE "timestamp"(ts3, 9) > '2000-01-01';
SELECT id FROM p ORDER BY "timestamp"(ts3, 10 - 1), "timestamp"(ts, 3 - 4), "timestamp"(ts, length('abc'));
SELECT "timestamp"(ts, 1 + 1)::text, "timestamp"(ts, 10 - 4)::text, "timestamp"(ts3, 5 - 3)::text, "timestamp"(ts3, 9 * 9)::text FROM p;
SELECT "timestamp"(ts, 3 + 4)::text FROM p;
-- parameters: 9
SELECT "timestamp"(ts3, $1::int)::text FROM p;
