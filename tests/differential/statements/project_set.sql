-- set-returning functions of the SELECT list run side by side; the shorter ones are filled up with NULL
CREATE TABLE t (id int PRIMARY KEY, a int[], b text[], n int, j jsonb, at timestamptz[]);
INSERT INTO t VALUES (1, '{1,2,3}', '{x,y}', 2, '["p",{"q":1}]', '{2024-01-02 03:04:05+00}'), (2, '{}', '{}', 0, '[]', '{}'), (3, NULL, '{z,NULL}', 3, NULL, NULL), (4, '{7}', NULL, NULL, '[null]', '{NULL,2024-05-06 00:00:00+00}');
SELECT unnest(array[1,2,3]), unnest(array['a','b']);
SELECT id, unnest(a), unnest(b) FROM t ORDER BY 1, 2, 3;
SELECT id, unnest(a) AS x, unnest(b) || '!' AS y, generate_series(1, n) AS z FROM t ORDER BY id, z NULLS LAST, x, y;
SELECT id, unnest(a), unnest(a) + 1, unnest(b) FROM t WHERE id = 1 ORDER BY 2;
SELECT id, unnest(at), jsonb_array_elements(j) FROM t ORDER BY 1, 2, 3;
SELECT id, unnest(a) + generate_series(1, n) AS s FROM t ORDER BY 1, 2;
SELECT count(*), sum(x) FROM (SELECT unnest(a) AS x, unnest(b) AS y FROM t) s WHERE y IS NOT NULL;
SELECT c.conname, unnest(c.conkey), unnest(c.confkey) FROM pg_constraint c WHERE c.conrelid = 't'::regclass ORDER BY 1;
SELECT * FROM t, ROWS FROM (unnest(t.a), unnest(t.b)) WITH ORDINALITY AS r(x, y, o) ORDER BY id, o;
SELECT id, x, y FROM t CROSS JOIN LATERAL unnest(a, b) AS r(x, y) ORDER BY id, x, y;
SELECT id, x, y FROM t LEFT JOIN LATERAL unnest(a, b) AS r(x, y) ON true ORDER BY id, x, y;
