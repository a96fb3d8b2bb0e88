-- writes that only the local engine can compute
CREATE TABLE t (id int PRIMARY KEY, a text, b int, f float8, n numeric(10,2), ts timestamptz, j jsonb, ar int[], by bytea, d date, big numeric);
INSERT INTO t VALUES (1,'Kilo',1,0.1,1.5,'2024-01-01','{"a":1}','{1,2}','\x00ff','2024-01-01',1.5),(2,'kilo''s',2,0.2,2.5,'2024-01-02 10:00+00','[1]','{}','\x','2024-01-02',12345678901234567890.5),(3,'Éa',3,'Infinity',3.5,'2024-02-01',NULL,NULL,NULL,NULL,NULL),(4,E'new\nline',4,1e10,4.5,null,'"x"','{NULL,3}','\xabcd','infinity',-1);
UPDATE t SET a = to_char(ts, 'YYYY-MM') WHERE ts IS NOT NULL RETURNING id, a;
UPDATE t SET a = regexp_replace(a, '-.*', ''), b = b + 1, n = n * 2 WHERE a ~ '^2' RETURNING id, a, b, n;
DELETE FROM t WHERE a ~ 'line' RETURNING *;
UPDATE t SET b = b + 1 WHERE to_char(ts,'MM') = '01';
UPDATE t SET b = b + 1 WHERE a ~ 'nothing';
INSERT INTO t(id,a) SELECT id + 100, to_char(ts,'Day') FROM t WHERE ts IS NOT NULL;
UPDATE t SET a = lower(a) || '!', f = f / 3, j = jsonb_set(coalesce(j,'{}'), '{b}', to_jsonb(b)), ar = array_append(ar, b), by = by || '\x01' WHERE id::text ~ '^[12]$' RETURNING id, a, f, j, ar, by;
SELECT * FROM t ORDER BY id;
UPDATE t SET id = id + 1000 WHERE a ~ 'day' RETURNING id;
CREATE TABLE u (k text PRIMARY KEY, v int, w text);
INSERT INTO u VALUES ('a', 1, 'x'), ('b', 2, 'y'), ('c', NULL, NULL);
UPDATE u SET k = k || k, w = repeat(w, 2) WHERE k ~ '[ab]' RETURNING *;
UPDATE t SET a = regexp_replace(u.w, 'x', 'z') FROM u WHERE u.v = t.id RETURNING t.id, t.a;
UPDATE t SET a = (SELECT string_agg(upper(w), ',' ORDER BY regexp_replace(w,'x','q')) FROM u) WHERE id = 3 RETURNING a;
DELETE FROM t USING u WHERE u.v = t.id AND to_char(t.ts, 'DD') = '02' RETURNING t.id;
INSERT INTO u(k, v) SELECT regexp_replace(a, '[0-9]', ''), id FROM t WHERE id < 3 ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING k, v;
INSERT INTO u(k, v) SELECT regexp_replace(k, '.*', 'same'), v FROM u ON CONFLICT (k) DO UPDATE SET v = excluded.v;
INSERT INTO u(k, v) SELECT regexp_replace(k, '.*', 'same') || v, v FROM u WHERE v IS NOT NULL ON CONFLICT (k) DO NOTHING;
UPDATE u SET v = 1 / v WHERE k ~ 'a';
UPDATE u SET v = length(k) / (v - v) WHERE k ~ 'a';
WITH x AS (SELECT k, regexp_replace(k, 'a', 'ä') AS r FROM u) UPDATE u SET w = x.r FROM x WHERE x.k = u.k AND x.r ~ 'ä' RETURNING u.k, u.w;
WITH x AS (SELECT max(v) AS m FROM u) INSERT INTO u SELECT to_char(m, 'FM000'), m FROM x RETURNING *;
CREATE TABLE s (id serial PRIMARY KEY, v varchar(3), w int NOT NULL DEFAULT 5);
INSERT INTO s(v) SELECT regexp_replace(k, '[aeiou]', '') FROM u WHERE length(k) < 4 ORDER BY k RETURNING *;
UPDATE s SET v = regexp_replace(v, '$', 'long text') WHERE id = 1;
UPDATE s SET w = NULLIF(length(regexp_replace(v, 'a', '')), 2);
UPDATE s SET v = DEFAULT, w = DEFAULT WHERE v ~ '.' RETURNING *;
INSERT INTO s(id, v) SELECT NULLIF(regexp_replace(v, 'a', 'b'), '')::int, 'x' FROM s;
CREATE TABLE p (id int PRIMARY KEY, v text);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p(id));
INSERT INTO p VALUES (1, 'one'), (2, 'two');
INSERT INTO c VALUES (10, 1);
DELETE FROM p WHERE v ~ 'one';
DELETE FROM p WHERE v ~ 't' RETURNING id;
UPDATE c SET p = length(regexp_replace(v, 'o', 'oooo')) FROM p WHERE p.id = 1;
BEGIN; UPDATE p SET v = regexp_replace(v, 'o', 'u'); UPDATE c SET id = 11; COMMIT;
SELECT * FROM p;
SELECT * FROM u ORDER BY k;
INSERT INTO p VALUES (20, regexp_replace((SELECT max(v) FROM p), 'w', 'W')) RETURNING v;
INSERT INTO p VALUES (21, (SELECT string_agg(to_char(id, 'FM00'), ',' ORDER BY id) FROM p)), (22, 'x'), (23, NULL) RETURNING *;
INSERT INTO s(v) VALUES ((SELECT regexp_replace(min(v), '.*', 'abc') FROM p)), ('y') RETURNING v, w;
-- rows of VALUES that only the local engine computes from a parameter read nothing of D1
CREATE TABLE from_values (id int, b bool, a int[]);
-- parameters: {}
INSERT INTO from_values VALUES (1, '{}'::jsonb IN ($1::jsonb, '[]'::jsonb), NULL);
-- parameters: {1}
INSERT INTO from_values VALUES (2, NULL, $1::int8[] || 9223372036854775808);
BEGIN;
-- parameters: {1}
INSERT INTO from_values VALUES (3, NULL, $1::int8[] || 2.0) RETURNING a;
SELECT * FROM from_values ORDER BY id;
COMMIT;
SELECT * FROM from_values ORDER BY id;
