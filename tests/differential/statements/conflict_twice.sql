-- INSERT … ON CONFLICT DO UPDATE must not meet a row twice
CREATE TABLE t (id int PRIMARY KEY, a text, b int, UNIQUE (a, b));
CREATE UNIQUE INDEX tl ON t (lower(a));
INSERT INTO t VALUES (1,'x',1),(2,'y',2);
INSERT INTO t(id,a) VALUES (9,'p'),(9,'q') ON CONFLICT (id) DO UPDATE SET a = excluded.a;
INSERT INTO t(id,a) VALUES (1,'p'),(1,'q') ON CONFLICT (id) DO UPDATE SET a = excluded.a;
INSERT INTO t(id,a) VALUES (1,'p'),(3,'q') ON CONFLICT (id) DO UPDATE SET a = excluded.a;
INSERT INTO t(id,a,b) VALUES (4,'s',NULL),(5,'r',NULL) ON CONFLICT (a,b) DO UPDATE SET id = 1;
INSERT INTO t(id,a,b) VALUES (6,'u',2),(7,'U',3) ON CONFLICT (lower(a)) DO UPDATE SET id = 1;
INSERT INTO t(id,a,b) VALUES (6,'u',2),(7,'U',2) ON CONFLICT (a,b) DO UPDATE SET id = t.id;
INSERT INTO t(id,b) SELECT b % 2 + 1, 5 FROM t WHERE b is not null ON CONFLICT (id) DO UPDATE SET b = excluded.b;
INSERT INTO t(id,b) SELECT 1, g FROM generate_series(1,2) g ON CONFLICT (id) DO UPDATE SET b = excluded.b;
INSERT INTO t(id,b) SELECT id, 7 FROM t ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET b = excluded.b;
WITH s AS (SELECT 1 AS i UNION ALL SELECT 1) INSERT INTO t(id,b) SELECT i, 7 FROM s ON CONFLICT (id) DO UPDATE SET b = excluded.b;
WITH s AS (SELECT 1 AS i UNION ALL SELECT 2) INSERT INTO t(id,b) SELECT i, 8 FROM s ON CONFLICT (id) DO UPDATE SET b = excluded.b RETURNING id, b;
WITH z AS (INSERT INTO t(id,b) VALUES (1,1),(1,2) ON CONFLICT (id) DO UPDATE SET b = excluded.b RETURNING id) SELECT * FROM z;
WITH z AS (INSERT INTO t(id,b) VALUES (1,1),(2,2) ON CONFLICT (id) DO UPDATE SET b = excluded.b RETURNING id) SELECT * FROM z;
SELECT * FROM t ORDER BY id;
-- a row that gets another key could be met again by a later one
CREATE TABLE moved (id int PRIMARY KEY, code text UNIQUE, n int);
INSERT INTO moved VALUES (1, 'A', 1), (2, 'B', 2);
-- pgd1: 0A000
INSERT INTO moved VALUES (3, 'A', 3), (4, 'C', 4) ON CONFLICT (code) DO UPDATE SET code = 'C';
BEGIN;
-- pgd1: 0A000
INSERT INTO moved VALUES (5, 'A', 3), (6, 'C', 4) ON CONFLICT ON CONSTRAINT moved_code_key DO UPDATE SET code = moved.code || 'x', n = 9 WHERE moved.n > 100;
ROLLBACK;
INSERT INTO moved VALUES (2, 'B', 5), (7, 'D', 6) ON CONFLICT (code) DO UPDATE SET id = excluded.id, code = excluded.code, n = excluded.n;
INSERT INTO moved VALUES (2, 'E', 5), (8, 'F', 6) ON CONFLICT (id) DO UPDATE SET id = moved.id, code = excluded.code, n = excluded.n;
INSERT INTO moved VALUES (2, 'E', 5) ON CONFLICT (code) DO UPDATE SET code = 'G', n = 0 RETURNING *;
SELECT * FROM moved WHERE id > 1 ORDER BY id;
