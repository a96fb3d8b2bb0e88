-- ON CONFLICT (…) WHERE with parameters: the partial index is the one whose condition follows from the values
CREATE TABLE m (id int, kind varchar(8), n int, ok bool, at date);
CREATE UNIQUE INDEX ON m (id) WHERE kind = 'x';
CREATE UNIQUE INDEX ON m (n) WHERE n > 5;
CREATE UNIQUE INDEX ON m (kind) WHERE ok;
CREATE UNIQUE INDEX ON m (lower(kind)) WHERE at >= '2024-01-01' AND n <> 3;
-- parameters: x
INSERT INTO m (id, kind, n) VALUES (1, 'x', 1) ON CONFLICT (id) WHERE kind = $1 DO NOTHING;
-- parameters: x
INSERT INTO m (id, kind, n) VALUES (1, 'x', 1) ON CONFLICT (id) WHERE kind = $1 DO NOTHING;
-- parameters: x
INSERT INTO m (id, kind, n) VALUES (1, 'x', 1) ON CONFLICT (id) WHERE kind = $1::varchar DO UPDATE SET n = m.n + 1 RETURNING n;
-- parameters: x
INSERT INTO m (id, kind, n) VALUES (1, 'x', 1) ON CONFLICT (id) WHERE $1 = kind DO UPDATE SET n = m.n + 1 RETURNING n;
-- parameters: y
INSERT INTO m (id, kind, n) VALUES (1, 'x', 1) ON CONFLICT (id) WHERE kind = $1 DO UPDATE SET n = m.n + 1;
-- parameters: x|7
INSERT INTO m (id, kind, n) VALUES ($2, $1, 1) ON CONFLICT (id) WHERE kind = $1 DO UPDATE SET n = m.n + 1;
-- parameters: x|7|x
INSERT INTO m (id, kind, n) VALUES ($2, $3, 1), ($2::int + 1, $3, 4) ON CONFLICT (id) WHERE kind = $1 DO UPDATE SET n = m.n + excluded.n RETURNING id, n;
-- parameters: x|3
INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id) WHERE kind = $1 AND n > $2 DO NOTHING;
-- parameters: 5
INSERT INTO m (n) VALUES (17) ON CONFLICT (n) WHERE n > $1 DO NOTHING;
-- parameters: 6
INSERT INTO m (n) VALUES (17) ON CONFLICT (n) WHERE n > $1::smallint DO NOTHING;
-- parameters: 4
INSERT INTO m (n) VALUES (17) ON CONFLICT (n) WHERE n > $1 DO NOTHING;
-- parameters: 6
INSERT INTO m (n) VALUES (17) ON CONFLICT (n) WHERE $1::bigint <= n DO NOTHING;
-- parameters: 5
INSERT INTO m (n) VALUES (17) ON CONFLICT (n) WHERE $1::bigint <= n DO NOTHING;
-- parameters: 17
INSERT INTO m (n) VALUES (17) ON CONFLICT (n) WHERE n = $1 DO NOTHING;
-- parameters: true
INSERT INTO m (kind, ok) VALUES ('k', true), ('k', true) ON CONFLICT (kind) WHERE ok = $1 DO NOTHING;
-- parameters: false
INSERT INTO m (kind, ok) VALUES ('k', true) ON CONFLICT (kind) WHERE ok = $1 DO NOTHING;
-- parameters: 2024-06-01|3
INSERT INTO m (kind, at, n) VALUES ('Q', '2024-07-01', 1) ON CONFLICT (lower(kind)) WHERE n <> $2 AND at > $1 DO NOTHING;
-- parameters: 2024-06-01|3
INSERT INTO m (kind, at, n) VALUES ('q', '2024-08-01', 2) ON CONFLICT (lower(kind)) WHERE n <> $2 AND at > $1 DO UPDATE SET at = excluded.at;
-- parameters: 2023-06-01|3
INSERT INTO m (kind, at, n) VALUES ('q', '2024-08-01', 2) ON CONFLICT (lower(kind)) WHERE n <> $2 AND at > $1 DO NOTHING;
-- parameters: x
INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id, kind) WHERE kind = $1 DO NOTHING;
-- parameters: x
INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id) WHERE nokind = $1 DO NOTHING;
INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id) WHERE kind = $1 DO NOTHING;
-- what PostgreSQL finds by computing with the value, or by the list's elements
-- pgd1: 0A000
-- parameters: x
INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id) WHERE kind IN ($1) AND kind || $1 = 'xx' DO NOTHING;
-- one without parameters decides before, NULL makes the whole condition false
PREPARE one AS INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id) WHERE kind = 'x' AND n > $1 DO UPDATE SET n = m.n + 1 RETURNING n;
EXECUTE one(3);
EXECUTE one(NULL);
PREPARE two AS INSERT INTO m (id, kind) VALUES (1, 'x') ON CONFLICT (id) WHERE kind = $1 DO UPDATE SET n = m.n + 1 RETURNING n;
EXECUTE two('x');
EXECUTE two('xx');
EXECUTE two(NULL);
SELECT * FROM m ORDER BY id, n, kind;
-- an index of all rows is meant whatever is written
CREATE TABLE p (id int PRIMARY KEY, n int, UNIQUE (n));
-- parameters: 9
INSERT INTO p VALUES (1, 1), (2, 1) ON CONFLICT (n) WHERE id = $1 DO NOTHING;
-- parameters: 9
INSERT INTO p VALUES (1, 5) ON CONFLICT (id) WHERE n > $1 DO UPDATE SET n = excluded.n + $1::int;
SELECT * FROM p;
