-- the alias of a function in FROM; defaults; positions behind letters of two bytes
SELECT p FROM jsonb_array_elements('[3,1,2]') p ORDER BY p;
SELECT p, pg_typeof(p) FROM jsonb_array_elements_text('["a"]') p;
SELECT x.x, x FROM generate_series(1,3) x ORDER BY x;
SELECT to_jsonb(g) FROM generate_series(1,2) g;
SELECT count(g) FROM generate_series(1,2) g;
SELECT (SELECT e FROM jsonb_array_elements('[1]') q) FROM jsonb_array_elements('[5]') e;
SELECT u FROM unnest(ARRAY['b','a']) WITH ORDINALITY u ORDER BY 1;
SELECT 'é', x FROM nope;
CREATE TABLE t (id int, a text);
-- pgd1: 0A000
SELECT 'éé', id FROM t WHERE xml_is_well_formed('a');
CREATE TABLE df (id int, a timestamptz DEFAULT now(), b text DEFAULT upper('x') || 'y');
INSERT INTO df(id) VALUES (1),(2),(3);
SELECT id, b, a = (SELECT max(a) FROM df) FROM df ORDER BY id;
INSERT INTO df(id, b) VALUES (4, 'z'),(5, DEFAULT);
SELECT id, b FROM df ORDER BY id;
-- The edge of int8: behind a minus only. One text's plan must not serve the next.
SELECT 9223372036854775808 AS a, -9223372036854775808 AS b;
SELECT 9223372036854775809 AS a, -9223372036854775809 AS b;
SELECT 1.5 AS a, -1.5 AS b;
SELECT 9223372036854775808 AS a, -9223372036854775808 AS b;
