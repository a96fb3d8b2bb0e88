-- rows of JSON with the columns of a table
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE pr (id int PRIMARY KEY, name varchar(5), price numeric(10,2), tags text[], at timestamptz, m mood, j jsonb);
SELECT * FROM json_populate_record(NULL::pr, '{"id":1,"name":"x","price":"1.5","tags":["a","b"],"at":"2024-01-01 00:00:00+00","m":"glad","j":{"a":1}}');
SELECT * FROM jsonb_populate_record(NULL::pr, '{"id":1,"name":"x","price":1.505,"other":2}');
SELECT * FROM jsonb_populate_record(NULL::public.pr, '{"id":"nine"}');
SELECT * FROM jsonb_populate_record(NULL::pr, '{"m":"angry"}');
SELECT * FROM jsonb_populate_record(NULL::pr, '{"name":"too long"}');
SELECT * FROM jsonb_populate_record(NULL::pr, '[1]');
SELECT * FROM jsonb_populate_record(NULL::pr, NULL);
SELECT * FROM jsonb_populate_recordset(NULL::pr, '{"id":1}');
SELECT * FROM json_populate_recordset(NULL::pr, '[1]');
SELECT * FROM json_populate_recordset(NULL::pr, '[{"id":1,"name":"x"},{"id":2,"price":3}]');
SELECT id, n FROM json_populate_recordset(NULL::pr, '[{"id":1,"name":"x"}]') AS r(id, n);
SELECT r.id, count(*) OVER () FROM jsonb_populate_recordset(NULL::pr, '[{"id":1,"name":"x"},{"id":2,"price":3}]') r WHERE r.id > 1;
INSERT INTO pr SELECT * FROM jsonb_populate_recordset(NULL::pr, '[{"id":1,"name":"x"},{"id":2,"price":3,"m":"sad"}]') RETURNING *;
INSERT INTO pr(id,name) SELECT id,name FROM json_populate_recordset(NULL::pr, '[{"id":11,"name":"x"},{"id":12,"price":3}]') RETURNING *;
INSERT INTO pr SELECT * FROM jsonb_populate_recordset(NULL::pr, '[{"id":1,"name":"new"},{"id":3}]') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name;
UPDATE pr SET name = r.name FROM jsonb_populate_recordset(NULL::pr, '[{"id":2,"name":"two"}]') r WHERE r.id = pr.id RETURNING pr.*;
SELECT (jsonb_populate_record(NULL::pr, '{"id":1,"name":"x"}')).*;
SELECT (jsonb_populate_record(NULL::pr, '{"id":1,"name":"x"}')).name;
SELECT s.id, (jsonb_populate_recordset(NULL::pr, s.j)).id AS inner_id FROM (VALUES (1, '[{"id":5},{"id":6}]'::jsonb)) s(id, j) ORDER BY 2;
SELECT pr.id, r.name FROM pr, jsonb_populate_record(NULL::pr, to_jsonb(pr)) r ORDER BY 1;
SELECT * FROM jsonb_populate_record(NULL::nowhere, '{}');
SELECT * FROM jsonb_populate_record(NULL, '{}');
SELECT * FROM jsonb_populate_record(NULL::pr, '{}') AS r(id int);
-- pgd1: 0A000
SELECT r.* FROM pr p, jsonb_populate_record(p, '{"name":"new"}') r;
-- pgd1: 0A000
SELECT NULL::pr;
SELECT * FROM jsonb_to_recordset('5') AS r(a int);
SELECT * FROM json_populate_recordset(NULL::pr, '5');
SELECT x.id, x.n, g FROM ROWS FROM (generate_series(1,3), jsonb_populate_recordset(NULL::pr, '[{"id":1,"name":"x"},{"id":2}]')) AS x(g, id, n) ORDER BY g;
