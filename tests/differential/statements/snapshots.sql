-- a statement sees tables as they were before it, in whatever part and however far it has come: keys change other tables along with its own
CREATE TABLE t (id int PRIMARY KEY, n int);
INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);
UPDATE t SET n = (SELECT max(n) FROM t x WHERE x.id <> t.id) + 1;
SELECT * FROM t ORDER BY id;
UPDATE t SET n = CASE WHEN id > 1 THEN (SELECT sum(n) FROM t) ELSE id END;
SELECT * FROM t ORDER BY id;
UPDATE t SET n = (SELECT count(*) FROM t x WHERE x.n >= t.n), id = (SELECT max(id) FROM t x WHERE x.id <> t.id) + t.id * 10;
SELECT * FROM t ORDER BY id;
CREATE VIEW v AS SELECT * FROM t;
UPDATE t SET n = n + 1 RETURNING id, (SELECT sum(n) FROM v);
UPDATE t SET n = (SELECT sum(n) FROM v WHERE v.id <> t.id) RETURNING id, n;
INSERT INTO t VALUES (11, 1), (12, 2) RETURNING id, (SELECT sum(n) FROM v);
DELETE FROM t WHERE id > 11 RETURNING id, (SELECT count(*) FROM v), (WITH y AS (SELECT * FROM t) SELECT count(*) FROM y);
INSERT INTO t VALUES (11, 5) ON CONFLICT (id) DO UPDATE SET n = (SELECT count(*) FROM t) + excluded.n WHERE t.id >= (SELECT min(id) FROM t) RETURNING n, (SELECT sum(n) FROM t);
CREATE TABLE p (id int PRIMARY KEY, s int);
CREATE TABLE c (p int REFERENCES p ON UPDATE CASCADE ON DELETE CASCADE, n int);
CREATE TABLE d (p int REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE, n int DEFAULT 5 REFERENCES p (id) ON DELETE SET DEFAULT ON UPDATE CASCADE);
INSERT INTO p VALUES (1, 0), (2, 0), (3, 0), (5, 0);
INSERT INTO c VALUES (1, 1), (2, 2), (2, 22), (3, 3);
INSERT INTO d VALUES (1, 1), (2, 1), (3, 2);
UPDATE p SET id = id + 10, s = (SELECT max(c.p) FROM c WHERE c.p = p.id OR c.p > p.id) WHERE id = 3 RETURNING id, s, (SELECT max(c.p) FROM c), (SELECT max(d.p) FROM d);
DELETE FROM p WHERE id IN (1, 2) RETURNING id, (SELECT count(*) FROM c), (SELECT sum(c.n) FROM c WHERE c.p = p.id), (SELECT count(d.p) FROM d), (SELECT sum(d.n) FROM d);
SELECT * FROM c ORDER BY 1;
SELECT * FROM d ORDER BY 1, 2;
UPDATE p SET id = 50 WHERE id = 5 RETURNING id, (SELECT max(n) FROM d), (SELECT array_agg(n ORDER BY n) FROM d);
UPDATE p SET s = 1 FROM c WHERE c.p = p.id RETURNING p.id, c.n, (SELECT count(*) FROM c x WHERE x.n <= c.n);
-- parts of one statement see nothing of each other, and of what keys change for another one
INSERT INTO c VALUES (13, 7), (50, 8);
INSERT INTO p VALUES (5, 0);
WITH gone AS (DELETE FROM p WHERE id = 50 RETURNING id), e AS (UPDATE c SET n = n + 1 RETURNING n) SELECT (SELECT count(*) FROM gone), (SELECT sum(n) FROM e), (SELECT count(*) FROM c);
SELECT * FROM c ORDER BY 2;
WITH moved AS (UPDATE p SET id = 60 WHERE id = 13 RETURNING id) UPDATE c SET n = n + 1 RETURNING p, n;
SELECT * FROM c ORDER BY 2;
-- a part whose rows others refer to comes first when it brings them, and last when they go
CREATE TABLE child (p int REFERENCES p, n int);
WITH made AS (INSERT INTO child VALUES (99, 1) RETURNING *), parent AS (INSERT INTO p VALUES (99, 1) RETURNING *) SELECT * FROM made, parent;
WITH parent AS (DELETE FROM p WHERE id = 99 RETURNING id) DELETE FROM child WHERE p = 99 RETURNING *;
-- WITH queries are there for RETURNING too
WITH x AS (SELECT 'a' AS u) UPDATE t SET n = 1 RETURNING id, (SELECT u FROM x);
WITH x AS (SELECT sum(n) AS n FROM t) UPDATE t SET n = 2 RETURNING id, (SELECT n FROM x), n;
WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 5) UPDATE t SET n = 3 RETURNING id, (SELECT sum(n) FROM x), n;
WITH x AS (SELECT 1 AS n UNION ALL SELECT 2) INSERT INTO t SELECT n + 100, n FROM x RETURNING id, (SELECT count(*) FROM x WHERE x.n < t.n), n;
WITH x AS (SELECT id FROM p ORDER BY id LIMIT 1) DELETE FROM t WHERE id > 100 RETURNING id, (SELECT id FROM x), (SELECT count(*) FROM t, x);
-- what D1 cannot see as it was is refused
BEGIN;
-- pgd1: 0A000
INSERT INTO t VALUES (200, 5), (201, 5) ON CONFLICT (id) DO UPDATE SET n = (SELECT count(*) FROM t);
ROLLBACK;
BEGIN;
-- pgd1: 0A000
INSERT INTO t SELECT id + 300, 0 FROM p ON CONFLICT (id) DO UPDATE SET n = excluded.n + 1 WHERE t.id > (SELECT min(id) FROM t);
ROLLBACK;
BEGIN;
-- pgd1: 0A000
WITH gone AS (DELETE FROM p WHERE id = 60 RETURNING id, (SELECT count(*) FROM c) AS n) SELECT * FROM gone;
ROLLBACK;
-- pgd1: 0A000
WITH x AS (SELECT random() AS r) UPDATE t SET n = x.r FROM x RETURNING (SELECT r FROM x) >= 0;
UPDATE t SET n = 0;
SELECT * FROM t ORDER BY id;
SELECT * FROM p ORDER BY id;
