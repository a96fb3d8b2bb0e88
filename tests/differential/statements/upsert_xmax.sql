-- RETURNING (xmax = 0): whether an upsert inserted the row
CREATE TABLE u (id serial PRIMARY KEY, k text UNIQUE, n int DEFAULT 0, a int, b text, UNIQUE (a, b));
INSERT INTO u(k) VALUES ('a') ON CONFLICT (k) DO UPDATE SET n = u.n + 1 RETURNING k, n, (xmax = 0) AS inserted;
INSERT INTO u(k) VALUES ('a') ON CONFLICT (k) DO UPDATE SET n = u.n + 1 RETURNING k, n, (xmax = 0) AS inserted;
INSERT INTO u(k) VALUES ('a'),('b') ON CONFLICT (k) DO UPDATE SET n = u.n + 1 RETURNING k, n, xmax = 0 AS inserted;
INSERT INTO u(k) VALUES ('c') RETURNING xmax, xmax = 0;
INSERT INTO u(k) VALUES ('c') ON CONFLICT (k) DO UPDATE SET n = 5 RETURNING (xmax::text::int > 0) AS updated;
INSERT INTO u(k) VALUES ('c') ON CONFLICT (k) DO UPDATE SET n = 5 RETURNING CASE WHEN xmax = 0 THEN 'inserted' ELSE 'updated' END, n;
INSERT INTO u(k) VALUES ('c') ON CONFLICT (k) DO UPDATE SET n = 5 RETURNING (u.xmax = '0') AS is_new, u.k;
INSERT INTO u(k) VALUES ('c') ON CONFLICT (k) DO UPDATE SET n = 5 RETURNING xmax <> 0, xmax::text = '0';
INSERT INTO u(k) VALUES ('c') ON CONFLICT (k) DO NOTHING RETURNING xmax = 0;
INSERT INTO u(id, k) VALUES (100, 'x'), (1, 'y') ON CONFLICT (id) DO UPDATE SET k = excluded.k || '!' RETURNING id, k, xmax = 0;
INSERT INTO u(a, b) VALUES (1, 'p'), (1, NULL) ON CONFLICT (a, b) DO UPDATE SET n = 7 RETURNING a, b, n, xmax = 0;
INSERT INTO u(a, b) VALUES (1, 'p'), (1, NULL), (2, 'p') ON CONFLICT ON CONSTRAINT u_a_b_key DO UPDATE SET n = 7 RETURNING a, b, n, xmax = 0;
INSERT INTO u(k) SELECT k FROM (VALUES ('a'), ('new')) v(k) ON CONFLICT (k) DO UPDATE SET n = -1 RETURNING k, xmax = 0;
INSERT INTO u AS t (k, n) VALUES ('b', 2), ('fresh', 2) ON CONFLICT (k) DO UPDATE SET n = t.n + excluded.n WHERE t.n < 100 RETURNING t.k, t.n, (t.xmax = 0) AS inserted;
INSERT INTO u(k) VALUES ('d'), ('d') ON CONFLICT (k) DO UPDATE SET n = 5 RETURNING xmax = 0;
CREATE UNIQUE INDEX ON u (lower(k));
-- pgd1: 0A000
INSERT INTO u(k) VALUES ('FRESH'), ('Fresher') ON CONFLICT (lower(k)) DO UPDATE SET n = 5 RETURNING k, xmax = 0;
INSERT INTO u(k) VALUES ('FRESH'), ('Fresher') ON CONFLICT (lower(k)) DO UPDATE SET n = 5 RETURNING k;
-- pgd1: 0A000
INSERT INTO u(k) VALUES ('a') ON CONFLICT (k) DO UPDATE SET k = 'other' RETURNING xmax = 0;
INSERT INTO u(k) VALUES ('a') ON CONFLICT (k) DO UPDATE SET k = 'other';
CREATE TABLE keys (d date, n numeric(6,2), big text, t timestamptz, c char(3), f float8, v int, PRIMARY KEY (d, n, big, t, c, f));
INSERT INTO keys VALUES ('2024-01-01', 1.5, 'x y', '2024-01-01 10:00+02', 'a', 0.1, 1) ON CONFLICT (d, n, big, t, c, f) DO UPDATE SET v = 2 RETURNING v, xmax = 0;
INSERT INTO keys VALUES ('2024-01-01', 1.50, 'x y', '2024-01-01 08:00+00', 'a ', 1e-1, 1), ('2024-01-02', 1.50, '1', '2024-01-01 08:00+00', 'a ', 1e-1, 1) ON CONFLICT (d, n, big, t, c, f) DO UPDATE SET v = 2 RETURNING v, xmax = 0;
BEGIN;
INSERT INTO u(k) VALUES ('in block') ON CONFLICT (k) DO UPDATE SET n = u.n + 1 RETURNING (xmax = 0) AS inserted;
INSERT INTO u(k) VALUES ('in block') ON CONFLICT (k) DO UPDATE SET n = u.n + 1 RETURNING (xmax = 0) AS inserted;
COMMIT;
SELECT n FROM u WHERE k = 'in block';
-- pgd1: 0A000
SELECT xmax FROM u;
