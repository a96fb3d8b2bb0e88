-- calls with more arguments than any declared function has
CREATE TABLE t (id int PRIMARY KEY, a text, n numeric(8,2), ts timestamptz);
INSERT INTO t VALUES (1, 'x', 1.50, '2024-01-01'), (2, NULL, NULL, NULL);
SELECT json_build_object('a', id, 'b', a, 'c', n, 'd', ts, 'e', id, 'f', a, 'g', n, 'h', ts, 'i', id, 'j', a) FROM t ORDER BY id;
SELECT jsonb_build_object('a', id, 'b', a, 'c', n, 'd', ts, 'e', id, 'f', a, 'g', n, 'h', ts, 'i', id, 'j', a) FROM t ORDER BY id;
SELECT json_build_array(id, id, id, id, id, id, id, id, id, id, id, id, id, id, id, id, a, a, a) FROM t ORDER BY id;
SELECT concat(a, id, a, id, a, id, a, id, a, id, a, id, a, id, a, id, a, id, n) FROM t ORDER BY id;
SELECT concat_ws('-', a, id, a, id, a, id, a, id, a, id, a, id, a, id, a, id, a, id, n) FROM t ORDER BY id;
SELECT format('%s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s', a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, id) FROM t ORDER BY id;
SELECT num_nulls(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, id) FROM t ORDER BY id;
SELECT concat(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a) FROM t ORDER BY id;
SELECT concat(a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a) FROM t ORDER BY id;
