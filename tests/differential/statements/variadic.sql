-- one array in place of the arguments of VARIADIC "any"
CREATE TABLE t (id int PRIMARY KEY, a text[], b text);
INSERT INTO t VALUES (1, '{x,NULL,y}', 'p'), (2, NULL, NULL), (3, '{}', 'q');
SELECT id, concat(VARIADIC a), concat_ws('-', VARIADIC a), concat_ws(b, VARIADIC a) FROM t ORDER BY id;
SELECT concat(VARIADIC ARRAY[1, 2, 3]), concat_ws(',', VARIADIC ARRAY[1, 2, 3]), concat(VARIADIC NULL::int[]) IS NULL;
SELECT concat(VARIADIC '{{1,2},{3,4}}'::int[]), concat_ws('/', VARIADIC ARRAY[ARRAY['a'], ARRAY['b']]);
SELECT format('%s, %s', VARIADIC ARRAY['Hello', b]) FROM t ORDER BY id;
SELECT json_build_array(VARIADIC ARRAY['a', b]), jsonb_build_object(VARIADIC ARRAY['k', b]) FROM t ORDER BY id;
SELECT num_nulls(VARIADIC ARRAY[b, NULL, 'z']), num_nonnulls(VARIADIC ARRAY[b]) FROM t ORDER BY id;
SELECT concat_ws(',', VARIADIC 10);
SELECT concat(VARIADIC b) FROM t;
-- pgd1: 0A000
SELECT format('%s', VARIADIC a) FROM t WHERE id = 1;
