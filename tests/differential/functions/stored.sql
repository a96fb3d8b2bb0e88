CREATE TYPE mood AS ENUM ('sad','ok','happy')
CREATE TABLE tt (i int, m mood, ma mood[])
INSERT INTO tt VALUES (3, 'ok', '{ok,sad}'),(2,'happy','{happy}'), (1,'sad','{sad,happy}'),(4,NULL,'{{sad,ok}}'),(5,'ok',NULL)
SELECT i FROM tt ORDER BY ma
SELECT i FROM tt ORDER BY ma DESC NULLS LAST
SELECT i, ma > '{ok}'::mood[], ma <= '{sad,happy}', ma = '{happy}', ma[1] FROM tt ORDER BY 1
SELECT greatest(m, 'ok'), least(m, 'ok'::mood) FROM tt ORDER BY i
SELECT greatest('sad'::mood, 'ok'::mood)
SELECT i FROM tt WHERE m BETWEEN 'ok' AND 'happy' ORDER BY i
SELECT i, (m, i) > ('ok'::mood, 3) FROM tt ORDER BY i
SELECT i, row_number() over (order by m, i), rank() over (order by ma) FROM tt ORDER BY i
SELECT array_agg(m order by m desc), array_agg(ma order by ma) FROM tt WHERE i < 4
SELECT m, count(*) FROM tt GROUP BY m ORDER BY m
SELECT ma, count(*) FROM tt GROUP BY ma ORDER BY ma
SELECT DISTINCT ma FROM tt ORDER BY ma
SELECT i FROM tt WHERE m > ANY('{sad,ok}'::mood[]) ORDER BY i
SELECT i FROM tt WHERE 'ok' = ANY(ma) ORDER BY i
SELECT i FROM tt WHERE 'sad' < ANY(ma) ORDER BY i
SELECT ma::text, m::text, ma || 'ok'::mood, array_position(ma,'sad'), unnest(ma) FROM tt WHERE i < 4 ORDER BY i, 5
SELECT enum_range(NULL::mood), enum_first(null::mood), enum_last(null::mood), enum_range('ok'::mood, null)
SELECT m FROM tt UNION SELECT 'sad' ORDER BY 1
SELECT '{bad}'::mood[]
SELECT 'bad'::mood
SELECT ARRAY['bad']::mood[]
SELECT '{sad,ok}'::text[]::mood[]
SELECT '{sad,no}'::text[]::mood[]
SELECT i FROM tt WHERE m >= ALL(SELECT m FROM tt WHERE m IS NOT NULL) ORDER BY i
SELECT i FROM tt WHERE m < ANY(SELECT m FROM tt) ORDER BY i
SELECT unnest(enum_range(NULL::mood)), enum_range('ok'::mood,'ok'), enum_range('happy'::mood,'sad')
SELECT i FROM tt WHERE m IN ('ok','sad') ORDER BY 1
SELECT i, m = ANY('{ok,bad}') FROM tt WHERE m IN ('ok','sad') ORDER BY 1
INSERT INTO tt VALUES (9,'sad','{nope}')
SELECT * FROM json_to_record('{"a":"sad","b":["ok"]}') as t(a mood, b mood[])
SELECT * FROM json_to_record('{"a":"bad"}') as t(a mood)
SELECT * FROM json_to_record('{"a":["ok","bad"]}') as t(a mood[])
-- refused: SQLite's max() has no place for the order of labels
SELECT max(ma), min(ma) FROM tt
CREATE TABLE aa(i int, a int[], t text[], f float8[])
INSERT INTO aa VALUES (1,'{{1,2},{3,4}}','{{1,2},{3,4}}','{{1.5,2},{0.5,Infinity}}'),(2,'{7,8}','{a,NULL}','{}'),(3,NULL,NULL,NULL)
SELECT i, a::text[], a::numeric[], t::varchar[], a::bigint[], f::text[] FROM aa ORDER BY i
SELECT i, t::int[] FROM aa WHERE i=1
SELECT i, a[1], a[1][1], a[2][2], a[3], t[1], t[1][2], f[2][2], f[2][1], f[1][1] FROM aa ORDER BY i
SELECT i, 2 = any(a), 2 = all(a), '1' = any(t), 1 < any(a), 1 <> all(a), 1.5 = any(f), NULL = any(a) FROM aa ORDER BY i
SELECT i, x FROM aa, unnest(f) x ORDER BY 1,2
SELECT i, array_to_string(t,',','*'), array_position(t,'a') FROM aa WHERE i > 1 ORDER BY 1
SELECT i, array_positions(t,'1') FROM aa ORDER BY 1
SELECT 2 = any((select a from aa where i = 1)::int[])
SELECT i FROM aa WHERE a = array[[1,2],[3,4]]
SELECT i FROM aa WHERE i = any((select array_agg(i) from aa)::int[]) order by 1
SELECT array_length(a,1), array_ndims(a), cardinality(a), array_upper(a,2) from aa order by i
SELECT (select array_agg(a) from aa where i=1)
CREATE TABLE pt(a int, b text, c jsonb, d timestamp, e int[], f numeric(6,2), g varchar(3))
SELECT * FROM json_to_recordset('{"a":1}') as t(a int)
SELECT * FROM json_to_recordset('[1]') as t(a int)
SELECT * FROM json_to_recordset('1') as t(a int)
SELECT * FROM jsonb_to_recordset('[{"a":1},2]') as t(a int)
SELECT * FROM json_to_record('[1]') as t(a int)
SELECT * FROM json_to_record('1') as t(a int)
SELECT * FROM jsonb_to_record('"x"') as t(a int)
SELECT * FROM json_to_record(NULL) as t(a int)
SELECT * FROM json_to_recordset(NULL) as t(a int)
SELECT * FROM json_to_recordset('[]') as t(a int)
SELECT * FROM json_to_record('{"a":[1,[2]],"b":true,"c":1.50,"d":"1","e":{"x":1},"f":null}') as t(a json, b text, c text, d int, e text, f text, g text)
SELECT * FROM json_to_record('{"a":[[1,2],[3,4]],"b":["x","y"],"c":"{1,2}","d":[true,null]}') as t(a int[], b text[], c int[], d bool[])
SELECT * FROM json_to_record('{"a":"x"}') as t(a int)
SELECT * FROM json_to_record('{"a":1.5}') as t(a int)
SELECT * FROM json_to_record('{"a":[1,"x"]}') as t(a int[])
SELECT * FROM json_to_record('{"a":5}') as t(a int[])
SELECT * FROM json_to_record('{"a":"abcdef"}') as t(a varchar(3))
SELECT * FROM json_to_record('{"a":12.345}') as t(a numeric(4,1))
SELECT * FROM json_to_record('{"a":{"b":1}}') as t(a int)
SELECT * FROM json_to_record('{"a":1,"a":2}') as t(a int)
SELECT * FROM jsonb_to_recordset('[{"id":1,"when":"2020-01-01T00:00:00Z","b":true},{"id":2,"when":null}]') as t(id bigint, "when" timestamptz, b boolean)
SELECT t.id, u.x FROM jsonb_to_recordset('[{"id":1,"u":[{"x":5},{"x":6}]}]') as t(id int, u jsonb), jsonb_to_recordset(t.u) as u(x int)
SELECT x.* FROM pt, jsonb_to_record(pt.c) as x(y text)
INSERT INTO pt(a,c) VALUES (1,'{"y": [1, 2]}'),(2,NULL),(3,'{}')
SELECT pt.a, x.* FROM pt, jsonb_to_record(pt.c) as x(y text) ORDER BY 1
SELECT pt.a, x.* FROM pt LEFT JOIN LATERAL jsonb_to_record(pt.c) as x(y jsonb) ON true ORDER BY 1
SELECT a,b,e FROM pt ORDER BY a
CREATE TABLE ff(i int, f float8, g real)
INSERT INTO ff VALUES (1,1.5,2.5),(2,2,-3)
SELECT f*2, f+g, abs(g), -f, sqrt(f), f/1.5 FROM ff ORDER BY i
SELECT sum(f), avg(g), sum(f*2), sum(g) FROM ff
SELECT sum(distinct f) FROM ff
SELECT i, sum(f) over (order by i) FROM ff ORDER BY 1
INSERT INTO ff VALUES (3,'NaN','Infinity')
SELECT f*2, f+g, abs(g), -f, sqrt(f), f/1.5 FROM ff ORDER BY i
SELECT sum(f), avg(g), sum(f*2), sum(g) FROM ff
SELECT sum(distinct f) FROM ff
SELECT i, sum(f) over (order by i) FROM ff ORDER BY 1
SELECT i FROM ff WHERE f*2 > 3 order by i
SELECT f * 'NaN' FROM ff WHERE i=1
CREATE TABLE w(i int, g int, f float8, n numeric, d numeric(8,2), iv interval, t text, j jsonb, b bigint, bo bool)
INSERT INTO w VALUES (1,1,1.5,1.1,1.11,'1 day','a','1',1,true),(2,1,2.5,2.22,2.22,'2 days','b','{"a":1}',2,false),(3,2,3.5,3.333,3.33,'3 days','c','null',3,null),(4,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,true)
SELECT i, sum(n) over (order by i), avg(n) over (order by i), avg(i) over (partition by g order by i), sum(d) over (order by i) FROM w ORDER BY i
SELECT i, stddev(i) over (order by i), var_pop(f) over (order by i), avg(f) over (order by i rows 1 preceding), sum(f) over (order by i rows between 1 preceding and 1 following) FROM w ORDER BY i
SELECT i, sum(iv) over (order by i), json_agg(t) over (order by i), jsonb_agg(j) over (partition by g order by i), array_agg(i) over (order by i desc) FROM w ORDER BY i
SELECT i, string_agg(t, ',') over (order by i), bool_and(bo) over (order by i), bit_or(i) over (order by i), count(f) over (order by i), max(n) over (order by i), min(t) over (order by i desc) FROM w ORDER BY i
SELECT i, sum(b) over (order by i), sum(i) over (), sum(n) over (partition by g), jsonb_object_agg(i, t) over (order by i) FROM w ORDER BY i
SELECT i, avg(n) filter (where i <> 2) over (order by i), count(*) filter (where f > 2) over () FROM w ORDER BY i
SELECT i, corr(f, i) over (order by i), sum(n) over (order by i rows between unbounded preceding and 1 following exclude current row) FROM w ORDER BY i
SELECT i, sum(f) over (order by i rows between 5 preceding and 4 preceding), json_agg(t) over (order by i rows between 5 preceding and 4 preceding), regr_count(f,f) over (order by i rows between 5 preceding and 4 preceding), sum(iv) over (order by i rows between 5 preceding and 4 preceding), bit_and(i) over (order by i rows between 2 preceding and 1 preceding), stddev(f) over (order by i rows between 2 preceding and 1 preceding), array_agg(array[i]) over (order by i rows between 2 preceding and 1 preceding) FROM w ORDER BY i
CREATE TYPE mood2 AS ENUM ('sad','ok','happy')
CREATE TABLE os(i int, g int, f float8, n numeric, iv interval, t text, m mood2, d date)
INSERT INTO os VALUES (1,1,1.5,1.10,'1 day','a','ok','2020-01-01'),(2,1,2.5,1.1,'36 hours','b','ok','2020-01-05'),(3,2,10,3.333,'3 days','b','sad','2021-01-01'),(4,2,NULL,NULL,NULL,NULL,NULL,NULL),(5,2,7,2,'24 hours','c','happy','2020-01-05')
SELECT percentile_cont(0.5) within group (order by f), percentile_disc(0.5) within group (order by f), percentile_cont(0.25) within group (order by i), mode() within group (order by t) FROM os
SELECT g, percentile_cont(0.9) within group (order by f desc), percentile_disc(0.1) within group (order by t), count(*) FROM os GROUP BY g ORDER BY g
SELECT percentile_cont(array[0,0.25,0.5,1]) within group (order by f), percentile_disc(array[0.1,null,0.9]) within group (order by n) FROM os
SELECT percentile_cont(0.3) within group (order by iv), percentile_disc(0.5) within group (order by iv), mode() within group (order by iv) FROM os
SELECT percentile_cont(array[0.5,0.75]) within group (order by iv), mode() within group (order by n), mode() within group (order by m), percentile_disc(0.7) within group (order by m) FROM os
SELECT percentile_disc(0.5) within group (order by d), mode() within group (order by d desc), percentile_disc(array[0.5]) within group (order by d), percentile_disc(0) within group (order by n) FROM os
SELECT percentile_cont(1.5) within group (order by f) FROM os
SELECT percentile_cont(NULL) within group (order by f) FROM os
SELECT percentile_cont(0.5) within group (order by f) FROM os WHERE i > 100
SELECT percentile_cont(0.5) within group (order by f) filter (where g = 2), mode() within group (order by i desc) FROM os
SELECT g, percentile_cont(g/2.0) within group (order by f) FROM os GROUP BY g ORDER BY g
SELECT g FROM os GROUP BY g HAVING percentile_cont(0.5) within group (order by f) > 5 ORDER BY 1
SELECT percentile_cont(0.5) within group (order by n) FROM os
SELECT percentile_cont(0.5) within group (order by x) FROM generate_series(1,10) x
SELECT percentile_cont(0.5) within group (order by f) over () FROM os
SELECT percentile_cont(0.5) FROM os
-- refused: hypothetical-set aggregates
SELECT rank(3) within group (order by x) FROM generate_series(1,10) x
SELECT i, num_nulls(f, n, i), num_nonnulls(f, n, t, 1, NULL) FROM os ORDER BY i
CREATE TABLE nn(i int, a int, b text, CHECK (num_nonnulls(a, b) = 1))
INSERT INTO nn VALUES (1, 1, NULL), (2, NULL, 'x')
SELECT * FROM nn WHERE num_nulls(a, b) = 1 ORDER BY 1
