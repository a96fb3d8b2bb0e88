-- what PostgreSQL's planner computes ahead, and what it leaves out: parts of COALESCE and CASE, before there is a row
CREATE TABLE t (id int PRIMARY KEY, a text, n numeric(8,2), b bigint);
INSERT INTO t VALUES (1,'x',1,1),(2,'y',2,2);
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = 1;
CREATE UNIQUE INDEX ON t (a);
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = COALESCE(1000000007, t.b);
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = COALESCE(NULL, 1000000007, t.b);
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = COALESCE(t.b, 1000000007);
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = CASE WHEN true THEN 1000000007 ELSE t.b END;
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = CASE WHEN false THEN t.b WHEN NULL THEN 1 ELSE 1000000007 END;
-- date_in() is stable, and waits for a row.
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET a = ('x'::text)::date::text;
INSERT INTO t VALUES (1,'z',3,3) ON CONFLICT (a) DO UPDATE SET n = ('x'::text)::int;
SELECT COALESCE(NULL, 7, id, 1 / 0), COALESCE(NULL, NULL, id, 1 / 0), COALESCE('q', a) FROM t ORDER BY id;
SELECT CASE WHEN false THEN 1 / 0 WHEN true THEN id ELSE 1 / 0 END, CASE WHEN id = 1 THEN 4 WHEN true THEN 1 ELSE 1 / 0 END FROM t ORDER BY id;
SELECT CASE WHEN false THEN 1 / 0 WHEN NULL THEN 4 END, CASE WHEN false THEN 1 / 0 ELSE 5 END FROM t;
SELECT id FROM t WHERE COALESCE('x', a) = a OR CASE WHEN true THEN a END = 'q';
SELECT id FROM t WHERE CASE WHEN NULL THEN a ELSE a || 'x' END = 'xx' ORDER BY COALESCE(1, id), id;
-- An aggregate that is left out makes one row all the same.
SELECT CASE WHEN NULL THEN count(*) ELSE 1 END FROM t;
SELECT CASE WHEN false THEN count(*) END FROM t;
SELECT CASE WHEN true THEN 1 ELSE count(*) END, COALESCE(1, sum(id)) FROM t;
SELECT COALESCE(1, row_number() OVER ()), CASE WHEN NULL THEN sum(id) OVER () END FROM t;
CREATE VIEW v AS SELECT id, COALESCE(1, id) AS one, CASE WHEN true THEN a ELSE 'q' END AS a FROM t;
SELECT * FROM v WHERE one = 1 AND a = 'x';
-- A NULL that is computed, or sent, drops the arms that are compared with it, and what is in them; another value does not.
SELECT CASE ('{"b": "q"}'::jsonb ->> 'c') WHEN a THEN 2 / 0 END FROM t;
SELECT CASE ('{"b": "q"}'::jsonb ->> 'b') WHEN a THEN 2 / 0 END FROM t;
-- parameters: {"b": "q"}
SELECT CASE ($1::jsonb ->> 'c') WHEN a THEN 2 / 0 END FROM t;
-- parameters: q
SELECT CASE $1 WHEN a THEN 2 / 0 END FROM t;
CREATE TABLE c (id int PRIMARY KEY, c char(4), v varchar(8));
SELECT COALESCE('a'::char(3), c), COALESCE(NULL, 'a'::varchar(5), v), CASE WHEN true THEN v ELSE 'a'::varchar(3) END FROM c;
-- parameters: true|2|2
SELECT COALESCE(CASE WHEN $1::bool THEN $2::int ELSE id END, 1 / ($3::int - 2)) FROM t;
