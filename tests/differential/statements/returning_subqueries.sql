-- subqueries in RETURNING see their tables as they were before the statement, wherever they are worked out
CREATE TABLE target (id int PRIMARY KEY, n int, ip inet, t text DEFAULT 'none');
CREATE TABLE other (id int PRIMARY KEY, body text, j json);
INSERT INTO target VALUES (1, 1, '10.0.0.1'), (2, 2, NULL), (3, 3, '::1');
INSERT INTO other VALUES (1, 'first', '[1]'), (2, 'é', '{"a":1}'), (3, NULL, NULL);
INSERT INTO target (id) VALUES (4) RETURNING (SELECT max('{}'::int8[]) FROM other WHERE NULL::bool);
INSERT INTO target (id, ip) SELECT id + 10, '10.0.0.9' FROM other RETURNING id, (SELECT CAST(j AS jsonb) FROM other WHERE id = 2);
UPDATE target SET n = 5 RETURNING id, (SELECT LEAST(target.ip) FROM other WHERE id = 3), (SELECT max(body) FROM other WHERE reverse(body) <> 'x');
INSERT INTO target (id, ip) VALUES (20, NULL), (21, '1.1.1.1') RETURNING (SELECT CAST(j AS jsonb) FROM other o WHERE o.id = target.id - 19), id;
DELETE FROM target WHERE id > 19 RETURNING (SELECT CAST(j AS jsonb) FROM other o WHERE o.id = target.id - 19), (SELECT count(*) FROM target WHERE reverse(t) <> 'x');
DELETE FROM target WHERE id > 12 RETURNING id, (SELECT string_agg(reverse(t.t), ',' ORDER BY id) FROM target t WHERE t.id > 11);
UPDATE target SET n = 7 RETURNING id, (SELECT sum(n) FROM target), (SELECT max(n) FROM target t WHERE t.id = target.id);
INSERT INTO target (id) VALUES (30), (31) RETURNING id, (SELECT count(*) FROM target);
DELETE FROM target WHERE id >= 30 RETURNING id, (SELECT count(*) FROM target), EXISTS (SELECT 1 FROM target t WHERE t.id = target.id);
INSERT INTO target (id, n) VALUES (1, 9) ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING n, (SELECT n FROM target t WHERE t.id = 1);
SELECT * FROM target ORDER BY id;
