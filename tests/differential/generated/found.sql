-- Queries that differed from PostgreSQL once, one a line; run by test_generated.py over the tables of tables.py.
-- division: NULL / 0 is NULL
SELECT int2mod(NULL::int2, '0'::int2) FROM edge t1
SELECT t1.i4 / 0 FROM plain t1 WHERE t1.i4 IS NULL
-- what is not reached is not computed
SELECT t1.id, CASE WHEN reverse(t1.t) = 'cba' THEN 10 / t1.i4 END FROM plain t1 ORDER BY t1.id
SELECT t1.id, 10 / t1.i4 FROM plain t1 WHERE reverse(t1.t) = 'cba' ORDER BY t1.id
SELECT CASE WHEN t1.id = 100 THEN ('x'::text)::date WHEN t1.id = 101 AND ('y'::text)::date > t1.made THEN t1.made ELSE t1.made END FROM item t1 ORDER BY t1.id
SELECT COALESCE(t1.made, ('x'::text)::date) FROM item t1 WHERE t1.id = 1
SELECT (t1.kind = 'x') AND byteanlike(decode(t1.kind, 'base64'), NULL::bytea) FROM item t1 WHERE t1.id = 1
-- guards that ask for the local engine after rows were given
SELECT t1.f4 / float8 '1e15' FROM edge t1 ORDER BY t1.id OFFSET 3
SELECT t1.ai || NULL::int4 FROM plain t1 WHERE t1.id < 5 ORDER BY t1.id
-- windows
SELECT bit_or(t1.i4) OVER (ORDER BY t1.id), regr_count(t1.f8, t1.f8) OVER (ORDER BY t1.id), avg(t1.iv) OVER (ORDER BY t1.id) FROM plain t1 ORDER BY t1.id
SELECT t1.id, sum(t1.score) OVER (ORDER BY t1.id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), avg(t1.score) OVER (ORDER BY t1.id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), regr_slope(t1.score, t1.id) OVER (ORDER BY t1.id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM note t1 ORDER BY t1.id
SELECT max(t1.mood) OVER (ORDER BY t1.id), min(t1.mood) OVER (PARTITION BY t1.kind) FROM item t1 ORDER BY t1.id
SELECT nth_value(t1.id, 0) OVER (ORDER BY t1.id) FROM item t1
SELECT ntile(0) OVER (ORDER BY t1.id) FROM item t1
SELECT array_agg(t1.id ORDER BY t1.id) OVER (ORDER BY t1.id) FROM item t1
SELECT count(DISTINCT t1.id) OVER () FROM item t1
SELECT lag('x') OVER (ORDER BY t1.id) FROM item t1
SELECT count() FROM item t1
-- where an error is said to be: the leftmost part of an expression, a cast's type, WHEN of a simple CASE
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY 1 / 0
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY t1.i4 IS NULL
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY t1.i4::text
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY (t1.i4 = 3) AND true
SELECT DISTINCT ON (t1.i4 + 1) t1.e, t1.u FROM plain t1 ORDER BY t1.i4 + 2
SELECT DISTINCT ON (1 + t1.i4) t1.e, t1.u FROM plain t1 ORDER BY t1.i8
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY 2 - 1
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY '1'::int4
SELECT DISTINCT t1.e, t1.u FROM plain t1 ORDER BY '1'::varchar(3)
SELECT COALESCE(1, char(6) 'a')
SELECT COALESCE(1, char(6) 'a'::text)
SELECT COALESCE(1, CAST('a' AS char(6)))
SELECT COALESCE(1, CAST('a' AS varchar(6)))
SELECT COALESCE(1, varchar(6) 'a')
SELECT COALESCE(1, 'a'::varchar(6))
SELECT COALESCE(1, timestamp(2) '2020-01-01')
SELECT COALESCE(1, numeric(4,1) '20', 'x')
SELECT COALESCE('a'::text, numeric(4,1) '20', 'x')
SELECT COALESCE('a'::text, numeric '20', 'x')
SELECT COALESCE('a'::text, interval(2) '1 day', 'x')
SELECT COALESCE('a'::text, interval '1' day, 'x')
SELECT COALESCE('a'::text, CAST(t1.i4 AS int8), 'x') FROM plain t1
SELECT COALESCE('a'::text, CAST(t1.i4 AS int4), 'x') FROM plain t1
SELECT COALESCE(1, CAST(t1.vc AS text)) FROM plain t1
SELECT COALESCE(1, t1.vc::text) FROM plain t1
SELECT 1 FROM plain t1 WHERE char(6) 'a' AND true
SELECT 1 FROM plain t1 WHERE true AND NOT char(6) 'a'
SELECT 1 FROM plain t1 WHERE char(6) 'a'
SELECT (ARRAY[1])['3'::varchar(2)]
SELECT (ARRAY[1])['3'::varchar(2):2]
SELECT (ARRAY[1])[1:'3'::varchar(2)]
SELECT (ARRAY[1])[now() + '1']
SELECT (ARRAY[1])[1.5 + 2::text]
SELECT (ARRAY[1])[date '2020-01-01' + 1:3]
SELECT (ARRAY[1])[CAST('x' AS text)]
SELECT (ARRAY[1])[(SELECT date '2020-01-01')]
SELECT (ARRAY[1])[1 IS NULL]
SELECT (ARRAY[1])[varchar(3) 'x']
SELECT (ARRAY[1])[date 'x']
SELECT (ARRAY[1])[t.vc] FROM plain t
SELECT (ARRAY[1])[t.b AND t.b] FROM plain t
SELECT (ARRAY[1])[CASE WHEN t.b THEN t.b END] FROM plain t
SELECT (ARRAY[1])[ARRAY[1,2]] FROM plain t
SELECT (ARRAY[1])[t.b = ANY(ARRAY[true])] FROM plain t
SELECT (ARRAY[1])[coalesce(t.vc, 'a')] FROM plain t
SELECT (ARRAY[1])[t.vc || 'a'] FROM plain t
SELECT (ARRAY[1])[-t.dp] FROM plain t
SELECT (ARRAY[1])[t.vc IN ('a')] FROM plain t
SELECT (ARRAY[1])[t.vc LIKE 'a'] FROM plain t
SELECT (ARRAY[1])[ROW(1,2)] FROM plain t
SELECT (ARRAY[1])[upper(t.vc)] FROM plain t
SELECT (ARRAY[1])[current_date] FROM plain t
SELECT (ARRAY[1])[1 BETWEEN 2 AND 3] FROM plain t
SELECT CASE int8 '7' WHEN 3 THEN 1 WHEN generate_series(1, 2)::int8 THEN 1 END
SELECT CASE 7 WHEN generate_series(1, 2) THEN 1 END
SELECT CASE t1.n WHEN generate_series(1, 2)::numeric THEN 1 WHEN 3 THEN 2 END FROM plain t1
SELECT CASE WHEN generate_series(1, 2) = 1 THEN 1 END
SELECT CASE generate_series(1, 2) WHEN 1 THEN 1 END
SELECT CASE generate_series(1, 2)::int2 WHEN '0'::int2 THEN 1 WHEN generate_series(1, 2) THEN 2 END
SELECT CASE WHEN 1 = generate_series(1, 2) THEN 1 END
SELECT 1 FROM plain WHERE 1 = generate_series(1, 2)
SELECT 1 AND generate_series(1, 2) = 1
SELECT true AND 1 = generate_series(1, 2)
SELECT 1 FROM plain LIMIT generate_series(1, 2)
SELECT 1 FROM plain ORDER BY id OFFSET count(*) LIMIT now(1)
SELECT 1 FROM plain ORDER BY id LIMIT now(1) OFFSET count(*)
SELECT 1 FROM plain ORDER BY id OFFSET nosuch LIMIT 'x'
SELECT stddev(sum(t.dp) ORDER BY t9.id.id) FROM plain t
SELECT stddev(sum(t.dp) ORDER BY nosuch) FROM plain t
SELECT stddev(nosuch ORDER BY sum(t.dp)) FROM plain t
SELECT stddev(sum(t.dp)) FILTER (WHERE nosuch) FROM plain t
SELECT stddev(sum(t.dp) ORDER BY 1) FROM plain t
SELECT nosuch(sum(t.dp) ORDER BY nosuch2) FROM plain t
SELECT 1 FROM plain t WHERE t.d IN ('x', date '2020-01-01', 5)
SELECT 1 FROM plain t WHERE t.i4 IN ('x', date '2020-01-01')
SELECT 1 FROM plain t WHERE t.i4 IN (date '2020-01-01', 'x')
SELECT 1 FROM plain t WHERE t.i4 IN ('x', 1)
SELECT 1 FROM plain t WHERE t.i4 IN ('x', t.i4, 1)
SELECT 1 FROM plain t WHERE t.i4 IN ('x', t.d, 1)
SELECT 1 FROM plain t WHERE t.i4 IN (1, t.d, 'x')
SELECT 1 FROM plain t WHERE t.i4 IN (t.d, 'x')
SELECT 1 FROM plain t WHERE t.i4 NOT IN ('x', 'y', date '2020-01-01')
SELECT 1 FROM plain t1 LIMIT ((t1.ts3, t1.jb) = ('2023-06-15 18:30:00', jsonb 'true'))
SELECT 1 FROM plain t1 LIMIT ((1, 2) = (2, 3))
SELECT 1 FROM plain t1 LIMIT ((1, 2) <> (2, 3))
SELECT 1 FROM plain t1 LIMIT ((1, 2) < (2, 3))
SELECT 1 FROM plain t1 LIMIT (ROW(1, 2) IN (ROW(2, 3)))
SELECT 1 FROM plain t1 LIMIT (ROW(1, 2) IN (ROW(2, 3), ROW(3, 4)))
SELECT 1 FROM plain t1 LIMIT (ROW(1, 2) IS DISTINCT FROM ROW(2, 3))
SELECT 1 FROM plain t1 LIMIT (ROW(1, 2) IS NULL)
SELECT 1 FROM plain t1 LIMIT ((1, 2) IN (SELECT 1, 2))
SELECT 1 FROM plain t1 LIMIT ((1, 2) = (SELECT 1, 2))
SELECT 1 FROM plain t1 LIMIT (ROW(1, 2))
-- aggregates
SELECT t1.kind, t1.stock, sum(t1.stock), count(t1.kind) FROM item t1 GROUP BY GROUPING SETS ((t1.kind, t1.stock), (t1.kind), ())
SELECT t1.kind, count(*) FROM item t1 WHERE t1.kind <> 'x' GROUP BY ROLLUP (t1.kind)
SELECT stddev(t1.i2), variance(t1.i4), stddev_pop(t1.n2), stddev(t1.i2) FILTER (WHERE t1.id < 4) FROM plain t1
SELECT regr_r2('2'::float8, 'NaN'::float8), covar_pop('-1.5'::float8, '-Infinity'::float8)
SELECT sum(x) FROM (VALUES ('1e308'::float8), ('1e308')) v(x)
SELECT sum(x) FROM (VALUES ('16777216'::float4), (1), (1)) v(x)
SELECT 'a' FROM item t1 HAVING NULL::int4 <= 2
SELECT 'a' FROM item t1 WHERE t1.id > 100 HAVING 1 = 1
-- arrays of several dimensions
SELECT u.a, u.n FROM unnest('{{1,2},{3,4}}'::int4[]) WITH ORDINALITY AS u(a, n)
SELECT t1.id, unnest(t1.ai) FROM plain t1
SELECT t1.id FROM plain t1 WHERE 4 = ANY (t1.ai)
SELECT t1.id FROM plain t1 WHERE t1.id = ANY ('{{1,2},{3,4}}'::int4[])
SELECT ('{{{1}}}'::int4[])[1], ('{{1,2},{3,4}}'::int4[])[2][1], ('{1}'::int4[])[1][1]
SELECT t1.ai[1], t1.at[1], t1.ai[1][2] FROM plain t1 ORDER BY t1.id
SELECT array_position('{sad,happy}', NULL::mood, NULL::int4)
SELECT ARRAY[t1.price] FROM item t1
-- enums
SELECT GREATEST(t1.mood, 'ok'), LEAST('happy', t1.mood, NULL) FROM item t1 ORDER BY t1.id
SELECT 'happy'::mood >= ALL ('{sad,happy}'::mood[]), 'sad'::mood < ANY ('{sad}'::mood[])
SELECT t1.id FROM item t1 WHERE t1.mood >= ALL ('{sad,ok}'::mood[]) ORDER BY t1.id
SELECT LEAST('{sad}'::mood[]) = '{sad}'
SELECT '{sad,happy}'::mood[]
-- numbers
SELECT (-300)::int2::oid, (t1.i4)::oid FROM plain t1 WHERE t1.i4 < 0
SELECT "oid"(4294967296)
SELECT sign('NaN'::float8)
-- texts and bytes
SELECT OVERLAY(''::text PLACING ''::text FROM 0)
SELECT OVERLAY('abcdef' PLACING 'xy' FROM 3 FOR -5)
SELECT substr(''::bytea, '0'::int4) FROM plain t1
-- dates and times
SELECT "timestamp"('2024-01-01 00:00:00'::timestamp, -77)
SELECT '12:34:56'::time + '2562047788 hours'::interval
-- types, names, positions
SELECT t1.price::numeric, NULL::char(6), NULL::varchar(3) FROM item t1
SELECT (SELECT timestamp '1999-12-31 23:59:59' FROM item t2 WHERE t2.id = 4)::date, (SELECT 1)::int8, (VALUES (1))::int8
WITH w AS (SELECT t1.id FROM item t1) SELECT w.id FROM w
VALUES (''::bytea), ('a' || 'b')
SELECT '{a}'::text[] UNION ALL SELECT NULL::text || NULL
SELECT LEAST(NULL::interval - NULL::interval, NULL::timetz - '0'::interval)
SELECT GREATEST('null'::json)
SELECT array_smaller('{}', '{}')
SELECT CASE 'x'::int4 WHEN 'y'::date THEN 1 END
SELECT t1.id FROM item t1 ORDER BY NULL
SELECT mode('x') FROM item t1
-- and more
SELECT variance(int8um((-9007199254740993))) FROM note t1
SELECT quote_nullable(true), quote_literal(false)
SELECT jsonb_exists_all('[1]'::jsonb, ARRAY[NULL::text]), '{"a": 1}'::jsonb ?& ARRAY['a', NULL]
SELECT jsonb_exists_all(t1.jb, ARRAY[NULL::text]) FROM plain t1 ORDER BY t1.id
SELECT avg(t1.f8), sum(t1.f8) FROM edge t1 WHERE t1.id IN (1, 2)
SELECT t1.n2 * t1.n2 FROM edge t1 ORDER BY t1.id
SELECT timezone('+02', '12:34:56+00'::timetz)
SELECT date_trunc('week', 'infinity'::timestamptz, 'x y z')
SELECT ('00:00:00'::time - '2562047788 hours'::interval)
SELECT count(*) FROM (SELECT DISTINCT COALESCE(t1.n20, '0'::numeric) FROM plain t1) d
SELECT l.x FROM plain t1 CROSS JOIN LATERAL (SELECT t1.f8 AS x) AS l WHERE t1.id < 3 ORDER BY t1.id
SELECT NULL::numeric FROM edge t1 UNION ALL SELECT COALESCE(t2.n2, '1.5'::numeric) FROM edge t2 EXCEPT SELECT 3.14
SELECT count(*), sum(d.n) FROM (SELECT t1.n FROM plain t1 UNION ALL SELECT t2.n20 FROM plain t2 EXCEPT ALL SELECT 1.5 + t3.n - t3.n FROM plain t3) d
SELECT EXTRACT(minute FROM t1.tstz), EXTRACT(hour FROM t1.ts) FROM plain t1 ORDER BY t1.id
SELECT LEAST((NULLIF('12:34:56+00'::timetz, '00:00:00-15:59'::timetz) + '1970-01-01'::date), '2024-10-27 01:30:00+00'::timestamptz)
SELECT CASE WHEN reverse(t1.t) IS NOT NULL AND t1.n = 1.0 THEN 'b' ELSE 'A' END < 'a' FROM plain t1 ORDER BY t1.id
SELECT t1.id FROM plain t1 ORDER BY CASE WHEN t1.n < 1.0 THEN t1.t ELSE reverse(t1.t) END, t1.id
SELECT t1.id, trim_scale(sum(t1.n) OVER (ORDER BY t1.id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)), variance(t1.n) OVER (ORDER BY t1.id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) > 0 FROM edge t1 ORDER BY t1.id
SELECT regr_count(t1.score, t1.score) OVER (PARTITION BY t1.id ORDER BY t1.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM note t1
SELECT avg(t1.f8) OVER (ORDER BY t1.id) FROM edge t1 ORDER BY t1.id
SELECT '::1'::inet || 'x', t1.ip || 'x' FROM plain t1 ORDER BY t1.id
SELECT count(*) FROM (SELECT DISTINCT "bpchar"("name"(t1.v)) FROM plain t1) d
SELECT '1 week'::interval * float8 'NaN'
-- scalars of jsonb as elements; texts of columns whose affinity is another
SELECT t1.id, t1.jb -> 0, t1.jb ->> -1, t1.jb -> 1, t1.jb -> 0 -> 0 FROM plain t1 ORDER BY t1.id
SELECT t1.id FROM plain t1 WHERE t1.jb -> 0 IS NULL ORDER BY t1.id
SELECT t1.id FROM plain t1 WHERE t1.jb ->> 0 = 'true' OR t1.jb -> 0 = '1' ORDER BY t1.id
SELECT count(*) FROM plain t1 WHERE t1.d::text >= t1.n::text
SELECT count(*) FROM plain t1 WHERE t1.d::text > '3'
-- casts of arrays: lengths of the elements, several dimensions
SELECT t1.at::varchar(2)[] FROM plain t1 ORDER BY t1.id
SELECT '{1.555,2}'::float8[]::numeric(5,1)[], ARRAY['abc','d']::char(2)[]
SELECT '{{1,2},{3,4}}'::int4[]::text[]
-- places and kinds of errors
SELECT NULL::jsonb, NULL::json AS x FROM plain t1 ORDER BY x, t1.id
SELECT NULL::jsonb, NULL::json FROM plain t1 ORDER BY 2
SELECT 1 WHERE enum_eq('sad', 'ok')
SELECT enum_first('x')
SELECT make_date(300000000, 1, 1)
SELECT '1999-12-31' + '00:00:00'::time, 'a' EXCEPT SELECT (NULL::timestamptz AT TIME ZONE 'UTC'::text), 'b'
SELECT id FROM item JOIN note AS n(id, kind) USING (id, kind)
WITH RECURSIVE r(id, x) AS (SELECT 1, '0.3' UNION ALL SELECT r.id + 1, 0.1::float8 FROM r WHERE r.id < 1) SELECT r.x FROM r
WITH RECURSIVE r(id, x) AS (SELECT 1, 1.5::numeric(5,1) UNION ALL SELECT r.id + 1, 2.5 FROM r WHERE r.id < 3) SELECT r.x FROM r
-- numbers at their ends
SELECT t1.d - (-2147483648) FROM plain t1 WHERE t1.d IS NULL
SELECT "overlay"(''::text, 'a'::text, t1.i4) FROM edge t1 WHERE t1.id = 1
SELECT OVERLAY('abc' PLACING 'ab' FROM 2147483647 FOR 5)
SELECT EXTRACT(minute FROM ('0001-01-01'::date - t1.item) + '01:30'::time) FROM note t1 WHERE t1.item IS NULL
-- constants in NULLIF; elements of numeric arrays; LIKE patterns that end with an escape
SELECT NULLIF(1.5, t1.n2), NULLIF(1.50::numeric, t1.n2), NULLIF(t1.n2, 1.5) FROM plain t1 ORDER BY t1.id
SELECT t1.id, '0'::numeric <> ALL (t1.an), 0 = ANY (t1.an), 99999999999999999999 = ANY (t1.an) FROM edge t1 ORDER BY t1.id
SELECT t1.t FROM plain t1 WHERE t1.t LIKE 'q%\'
SELECT dpow(-1, 'NaN'), (-8)::float8 ^ 'Infinity'::float8, (-0.5)::float8 ^ '-Infinity'::float8
SELECT max(''::char(6)), (SELECT max(''::char(6)) FROM note t2) FROM item t1
WITH RECURSIVE r(id, x) AS (SELECT 1, '9223372036854775808' UNION SELECT r.id + 1, '12'::int8 FROM r WHERE r.id < 2) SELECT r.x FROM r
SELECT rank('x') WITHIN GROUP (ORDER BY t1.i4) FROM plain t1
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY 'tab') FROM item t1
SELECT substring(E'aab' from E'()??b*'), regexp_match('aab', '(a)??b*'), regexp_match('aab', '(a?)??b*'), regexp_match('aab', '(|x)??b'), regexp_match('aab', '(a*){0,1}?b'), regexp_match('aab', '(a*)??a*b')
SELECT substring(E'a' from E'[[:alpha:]]??()??'), regexp_match('b', '(^)??b'), regexp_match('ab', '(^)??b'), regexp_match('aab', '()*?a'), regexp_match('b', '((a)|(c?))?b'), regexp_match('b', '(?:()|x)?b')
SELECT regexp_count(E'abab', E'(){0}\\1*?é*?]?', 1, E''), regexp_match('xb', '(a)*\1*b'), regexp_match('xb', '(a){0}\1{0}b'), regexp_match('aab', '(a)\1{0,2}b'), regexp_match('aabaa', '(a+)b\1{1}')
SELECT regexp_match('*a', '^*a', 'b'), regexp_match('a', '(?b)^**'), regexp_match('*a', '(?b)\(^*a\)'), regexp_split_to_array('1 2', '^*', 'e'), regexp_match('a', '(?b)a$*'), regexp_match('a', '(?b)a^*')
SELECT regexp_count('', E'^*?\\{+\\{.?', 1, 'b')
SELECT regexp_match('a', '(?e)^*')
SELECT array['b', 'a']::text[] COLLATE "C" < array['b']::text[], (ARRAY['a']::name[] COLLATE "C")[1], ARRAY['a']::varchar(2)[] COLLATE "POSIX"
SELECT ARRAY[1] COLLATE "C"
SELECT 'a'::"char" COLLATE "C"
SELECT t1.at FROM plain t1 ORDER BY t1.at COLLATE "C", t1.id
SELECT radians('4.9e-324'::float8)
SELECT degrees('1e308'::float8)
SELECT degrees('Infinity'::float8), radians('-Infinity'::float8), radians('NaN'::float8), degrees('4.9e-324'::float8), radians(180), degrees(pi())
SELECT inetmi_int8('fe80::1/64', '-9223372036854775808'), 'fe80::1/64'::inet - 1, 'fe80::1/64'::inet - (-1)
SELECT CASE NULL::bool WHEN bool 'false' THEN (SELECT min('1'::numeric) FROM note t1 WHERE CAST(jsonb '[]' AS bool)) END
SELECT '{1}'::int[] IN ('{1}', '{2}'::int[]), '{1}' IN ('{1}', '{2}')
SELECT regexp_split_to_array('aaa', E'(?é+*[{2,1}', 'c')
SELECT regexp_match('aaa', E'(?é)a')
SELECT (t1.tm = ANY (SELECT t1.tm FROM item t4)), (SELECT min(t2.mood) FROM note t5) FROM plain t1 RIGHT JOIN item t2 ON NULL::bool
SELECT CASE WHEN true THEN (1 NOT IN (SELECT 2)) ELSE 'x'::text END
SELECT ((SELECT min(char(6) 'a') FROM item t1))::char(6), min(char(6) 'a')::char(6), min(char(6) 'a'), (SELECT max(char(4) 'a'))
WITH RECURSIVE r1(id, x) AS (SELECT 1, CAST(NULL::numeric AS numeric(20,8)) UNION SELECT r1.id + 1, NULL::numeric FROM r1 WHERE r1.id < 3) SELECT r1.x FROM r1
SELECT nosuch.f(1)
SELECT 1::nosuch.t
SELECT 1 OPERATOR(nosuch.+) 2
SELECT 'x' COLLATE nosuch.c
SELECT nosuch.count(*) OVER () FROM item
SELECT * FROM nosuch.generate_series(1, 2)
SELECT 1::mood(3), 'x'::timestamptz(abs())
SELECT 1::text(nosuch())
SELECT max(max(t1.id)) FROM item t1
SELECT id FROM item t1 WHERE max(max(t1.id)) > 1
VALUES (1), (2, 3)
VALUES (1), (2, nosuch)
VALUES (generate_series(1, 2)), (3)
-- the least bigint as a numeric; sums that are watched
SELECT @ CAST(t1.i8b AS numeric), - CAST(t1.i8b AS numeric), - (t1.i8b::numeric + 0) FROM edge t1 ORDER BY t1.id
-- seconds that are not a number
SELECT make_time(0, 0, 'NaN')
SELECT make_timestamp(2024, 1, 1, 0, 0, 'NaN')
SELECT make_interval(secs => 'NaN')
-- a wrong fraction of no rows
SELECT percentile_disc(2) WITHIN GROUP (ORDER BY t1.f8) FROM edge t1 WHERE false
SELECT percentile_cont(-1) WITHIN GROUP (ORDER BY t1.f8) FILTER (WHERE t1.id > 100), count(*) FROM edge t1
SELECT percentile_disc(NULL) WITHIN GROUP (ORDER BY t1.f8), percentile_cont(ARRAY[0.1, 2]) WITHIN GROUP (ORDER BY t1.f8) FROM edge t1 WHERE false
-- distances that are negative, of NULLs and of values; places of nth_value()
SELECT min(NULL::int4) OVER (ORDER BY NULL::int4 DESC RANGE BETWEEN -1 PRECEDING AND CURRENT ROW) FROM edge t2
SELECT min(t2.i4) OVER (ORDER BY t2.i4 RANGE BETWEEN CURRENT ROW AND -1 FOLLOWING) FROM edge t2 WHERE t2.i4 IS NULL
SELECT min(t2.i4) OVER (ORDER BY t2.i4 DESC RANGE BETWEEN -1 PRECEDING AND CURRENT ROW) FROM edge t2
SELECT nth_value((t2.f8)::int8, '0'::int4) OVER (ORDER BY (NULL::int8) DESC, t1.id, t2.id) FROM edge t1, edge t2
SELECT nth_value(t1.id, NULL) OVER (ORDER BY t1.id), nth_value(t1.id, 2 + 1) OVER (ORDER BY t1.id) FROM plain t1
-- sides of set operations that compare their own rows first
SELECT 9007199254740993 FROM plain t1 EXCEPT SELECT '9007199254740992'::int8 FROM note t2 UNION ALL SELECT NULL::float8 FROM note t3
SELECT NULL::float8 UNION ALL (SELECT DISTINCT v.x FROM (VALUES (9007199254740993), (9007199254740992)) v(x))
(SELECT 1 UNION SELECT 2) UNION ALL (SELECT 1.5 INTERSECT SELECT 1.50) ORDER BY 1
SELECT '2024-01-01'::timestamp EXCEPT (SELECT '2024-01-01'::date UNION SELECT NULL)
-- a negative precision rounds nothing
SELECT d1.x0, count(*) FROM (SELECT "timestamp"(t2.at, int4 '-77') AS x0 FROM note t2) d1 GROUP BY d1.x0
-- the blanks of a char that has no length
SELECT 'ab  '::bpchar !~* 'b$', 'ab  '::bpchar ~ 'b  $', 'ab  '::bpchar LIKE 'ab', 'ab  '::bpchar NOT LIKE 'ab  ', 'ab  '::varchar::bpchar ~ ' $', octet_length('ab  '::bpchar), octet_length('é'::char(3))
SELECT octet_length(t1.c), bpcharicregexne(t1.c, 'b    $') FROM plain t1 ORDER BY t1.id
-- window functions where none may be, and without OVER
SELECT lag(id, row_number() OVER ()::int4) OVER () FROM item
SELECT sum(abs(row_number() OVER ())) FROM item
SELECT sum(t1.id ORDER BY row_number() OVER ()) FROM item t1
SELECT lag('0.10')
SELECT lag('{NULL}'::bool[], '{NULL}')
-- arrays of arrays take the type of the first
SELECT ARRAY[ARRAY['x'], ARRAY[1]]
SELECT ARRAY[ARRAY[1], ARRAY[NULL]]
SELECT ARRAY[1, 2.5, '3'], ARRAY['a', 'b'::varchar], ARRAY[NULL, 1], ARRAY['{1}', ARRAY[2]], ARRAY[ARRAY['2'], ARRAY['3']]::int4[], ARRAY['a'::char(3)], ARRAY[1.5::numeric(3,1), 2.5::numeric(3,1)]
-- places and kinds of mistakes
SELECT float4mi(float4 $1, 1)
SELECT interval $1 day
SELECT count(*) FROM plain RIGHT JOIN edge USING (id, id)
SELECT sum(t1.at ORDER BY t1.nosuch) FROM note t1
SELECT sum(t1.id ORDER BY sum(t1.id)) FROM item t1
SELECT upper('x' ORDER BY nosuch)
SELECT percentile_disc(t1.id) WITHIN GROUP (ORDER BY t1.stock) FROM item t1 GROUP BY t1.ok
SELECT CAST(1 AS numeric(1.5))
SELECT CAST(1 AS numeric('5','2'))
SELECT CAST(1 AS numeric(x))
SELECT CAST(1 AS numeric(x.y))
SELECT CAST(1 AS int4(1.5))
SELECT CAST(1 AS numeric(99999999999))
SELECT 'é', NULLIF(n2, '1.5') FROM plain
SELECT 'é', NULLIF(n2, '1e') FROM plain
SELECT 'é', NULLIF(n2, '1f') FROM plain
SELECT 'é', i4 FROM target UNION ALL SELECT -2147483648 - 1
-- searches that begin behind the text's end
SELECT i, regexp_substr('', '', i), regexp_substr('ab', '', i), regexp_count('ab', '', i), regexp_instr('ab', '', i), regexp_instr('ab', '$', i), regexp_replace('ab', '', 'x', i), regexp_replace('ab', '$', 'x', i) FROM generate_series(1, 6) AS i ORDER BY i
SELECT t1.item, regexp_substr(''::text, ''::text, t1.item) FROM note t1 ORDER BY t1.id
SELECT timezone('30 days'::interval, '-infinity'::timestamptz)
SELECT timezone('30 days'::interval, 'infinity'::timestamp)
SELECT timezone('30 days'::interval, '2024-01-01'::timestamp)
SELECT timezone('nowhere'::text, 'infinity'::timestamp)
SELECT timezone('nowhere'::text, 'infinity'::timestamptz)
-- behind a part that decides nothing is computed: of a value, and by the planner behind a constant
SELECT id, id = 1 OR 1 / (id - 1) > 0, id <> 1 AND NULL AND 1 / (id - 1) > 5 FROM plain WHERE id < 4
SELECT id = 1 OR cast(nullif('1.0'::jsonb, jb) as bool) FROM plain WHERE id = 1
SELECT id > 0 OR to_char(now(), '"x"')::int = 1 FROM plain
SELECT b OR CAST('1.0'::jsonb AS bool) FROM plain WHERE id = 1
SELECT id FROM plain WHERE false AND 'xy'::text::int = 1
SELECT id FROM plain WHERE id > 100 AND 'xy'::text::int = 1
SELECT id > 0 AND (1 / (id - 1) > 0 OR to_char(now(), '"x"')::int = 1) FROM plain WHERE id = 2
SELECT CASE WHEN id > 0 THEN id ELSE 'x'::text::int END FROM plain
SELECT CASE WHEN id > 0 THEN id ELSE to_char(now(), '"x"')::int END FROM plain
SELECT COALESCE(NULL, id, 'x'::text::int) FROM plain
-- seconds are looked at once they are rounded
SELECT make_time(0, 0, -1e-20), make_time(1, 2, 60.0000001), make_timestamp(2024, 1, 2, 3, 4, -0.0000004), make_time(23, 59, 59.9999999)
SELECT make_time(0, 0, -0.000001)
SELECT make_time(0, 0, 60.000001)
SELECT make_time(24, 0, 0.0000001), make_time(24, 0, 0.000001)
-- the length of a char(n) that an aggregate gives is not told, whatever stands around it
SELECT LEAST((SELECT max('ab  '::char(6)) FROM note t4), (SELECT min(t5.c) FROM plain t5), 'x'::char(6)), COALESCE(max(t1.c), 'y'::char(6)), NULLIF(min(t1.c), 'q'), CASE WHEN count(*) > 0 THEN max(t1.c) END FROM plain t1
SELECT l2.x FROM plain t1, LATERAL (SELECT max(NULL::char(6)) AS x, min(coalesce(t1.t, 'a')::char(3)) AS y) AS l2 ORDER BY t1.id
SELECT s.x, s.y, s.z FROM (SELECT max('a'::char(6)) AS x, 'b'::char(4) AS y, coalesce(max('c'::char(2)), 'd'::char(2)) AS z) AS s
SELECT CASE jsonb_build_object(t1.id) WHEN NULL::jsonb THEN 1 END FROM plain t1
SELECT CASE WHEN NULL THEN 1 / (t1.id - t1.id) ELSE 2 END, CASE t1.id / (t1.id - t1.id) WHEN NULL THEN 'a' ELSE 'b' END FROM plain t1 ORDER BY t1.id
SELECT CASE WHEN NULL THEN count(*) ELSE 1 END, CASE WHEN NULL::bool THEN max(t1.id) END FROM plain t1
SELECT COALESCE(1, count(*)), CASE WHEN false THEN count(*) ELSE 2 END, CASE WHEN true THEN 1 ELSE sum(t1.id) END FROM plain t1
SELECT textregexeq((t1.i8 || t1.t), CAST(t1.bt AS text)) FROM edge t1 ORDER BY t1.id
SELECT replace(''::text, ''::text, json_object_field_text('"x"'::json, 'x y z'::text)) FROM plain t1
SELECT time '12:34:56' EXCEPT SELECT (t1.ts)::date FROM plain t1 INTERSECT ALL SELECT NULL::date FROM plain t3
SELECT 1 EXCEPT (SELECT NULL INTERSECT SELECT (t1.ts)::date FROM plain t1)
SELECT CASE ('[{"a": 1}, "b"]'::jsonb ->> text 'b') WHEN t1.kind THEN (2 % int8 '0') END FROM item t1, item t2
SELECT CASE WHEN NULL::bool THEN NULL::char(6) ELSE (SELECT min(NULL::char(6)) FROM edge t2) END FROM plain t1
SELECT COALESCE('a'::char(3), t1.c), COALESCE(NULL, 'a'::varchar(5), t1.v), CASE WHEN false THEN 'a'::char(3) ELSE 'b'::char(5) END FROM plain t1
SELECT percentile_disc(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY ('{}'::text[] || '-3.5'::text) NULLS FIRST) FROM item
SELECT array_fill('{1}'::int[], '{1}')
SELECT array_append(NULL, '{1}'::int[])
SELECT COALESCE(NULL::char(6)), COALESCE(NULL::varchar(5), NULL::varchar(5)), COALESCE(NULL::char(6), 'a'::char(6)), CASE WHEN false THEN 'a'::char(3) END FROM plain t1
SELECT (CASE '1 day'::interval WHEN interval '1 mon' THEN '{sad,happy}'::mood[] ELSE '{sad,happy}'::mood[] END < '{}'::mood[])
SELECT '"x"'::jsonb ?| ARRAY[NULL], '"x"'::jsonb ?| ARRAY['x', NULL], '["x"]'::jsonb ?| ARRAY[NULL], '{"x": 1}'::jsonb ?| ARRAY[NULL, 'y'], '"x"'::jsonb ?& ARRAY[NULL], '["x"]'::jsonb ?& ARRAY['x', NULL], '{"x": 1}'::jsonb ?& ARRAY[NULL, 'y'], '1'::jsonb ?| ARRAY[NULL], '1'::jsonb ?& ARRAY[NULL]
-- a precision that is computed becomes the length of what is as precise anyway
SELECT "timetz"(('06:30:00.5'::time)::timetz, ('-1.5'::float4)::int4) FROM plain t1
