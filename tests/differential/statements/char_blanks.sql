-- the blanks of char(n), which are not kept, are shown by JSON, concat() and format(), and by what gives such a value back
CREATE TABLE c (id int, a char(3), b char(3)[], t text);
CREATE TABLE d (id int, a char(4), t text);
INSERT INTO c VALUES (1,'a','{x,yy}','q'),(2,NULL,NULL,'r');
INSERT INTO d VALUES (1,'a','q'),(2,NULL,NULL),(NULL,NULL,NULL),(3,'éé','s');
SELECT to_jsonb(a), to_json(a), json_build_array(a, id), json_agg(a), array_agg(a), jsonb_build_object('x', a) FROM d GROUP BY a, id ORDER BY id;
SELECT row_to_json(d), to_json(d), json_agg(d) OVER () FROM d ORDER BY id;
SELECT row_to_json(r) FROM (SELECT a, t FROM d WHERE id < 3) r;
SELECT json_object_agg(id, a), jsonb_agg(a ORDER BY id), string_agg(a, ',' ORDER BY id) FROM d WHERE id IS NOT NULL;
SELECT concat(a, '|'), concat_ws(',', a, t), format('%s|', a), a::text || '|', a || '|' FROM d ORDER BY id;
SELECT max(a), min(a), max(a) = 'a', count(DISTINCT a) FROM d;
SELECT m, m || '|', to_json(m), m = 'éé' FROM (SELECT max(a) AS m FROM d) s;
SELECT id, lag(a) OVER (ORDER BY id), first_value(a) OVER (ORDER BY id) FROM d ORDER BY id;
SELECT unnest(b), b[1] FROM c;
SELECT b FROM c ORDER BY id;
-- pgd1: 0A000
SELECT b::text, array_to_string(b, ','), to_json(b) FROM c;
-- a row is NULL when all its fields are, and NOT NULL when none is
SELECT id FROM d WHERE d IS NULL;
SELECT id FROM d WHERE d IS NOT NULL ORDER BY id;
SELECT id FROM d WHERE NOT d IS NULL ORDER BY id;
SELECT c.id FROM c LEFT JOIN d ON d.id = c.id + 1 AND d.id > 2 WHERE d IS NULL ORDER BY 1;
SELECT d.id FROM d WHERE EXISTS (SELECT 1 FROM c WHERE c.id = d.id AND d IS NOT NULL) ORDER BY 1;
SELECT id, (SELECT s IS NOT NULL FROM (SELECT a, t FROM c WHERE c.id = d.id) s) FROM d ORDER BY 1;
-- another type's blanks at the end are no part of what it is as char(n)
CREATE TABLE k (c char(3) PRIMARY KEY, v varchar(5), t text);
INSERT INTO k VALUES ('a','a  ','a '),('b','b','b'),('c','x','c   ');
SELECT c, c = v, v = c, c = 'a '::varchar, c <> v, c < v, c IS DISTINCT FROM v, c BETWEEN v AND v FROM k ORDER BY c;
SELECT c FROM k WHERE c IN ('a '::varchar, 'b  '::varchar) ORDER BY c;
SELECT c FROM k WHERE c = ANY (ARRAY['a'::varchar, 'b']) ORDER BY c;
SELECT NULLIF(c, v), length(v::bpchar), length(t::bpchar), (v::bpchar)::text || '|' FROM k ORDER BY c;
PREPARE by_key(varchar) AS SELECT c FROM k WHERE c = $1;
EXECUTE by_key('a  ');
SELECT x.c FROM k x JOIN k y ON x.c = y.v ORDER BY x.c;
UPDATE k SET c = t WHERE c = 'c  '::varchar;
INSERT INTO k (c) SELECT v || 'y' FROM k WHERE c = 'b';
SELECT c, v FROM k ORDER BY c;
