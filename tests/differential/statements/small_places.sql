-- zones of make_timestamptz, DISTINCT with ORDER BY in aggregates, and what is refused
SET timezone = 'UTC';
SELECT make_timestamptz(1973, 07, 15, 08, 15, 55.33, '+2'), make_timestamptz(1973, 07, 15, 08, 15, 55.33, '-2');
SELECT z, make_timestamptz(2010, 2, 27, 3, 45, 00, z) FROM (VALUES ('+1'), ('+1:'), ('+1:0'), ('+100'), ('+1:00'), ('+01:00'), ('+10:00:10'), ('EST'), ('Europe/Berlin'), ('-0330')) v (z) ORDER BY 1;
SELECT make_timestamptz(1973, 07, 15, 08, 15, 55.33, '2');
SELECT make_timestamptz(2014, 12, 10, 10, 10, 10, '+16');
SELECT make_timestamptz(2014, 12, 10, 10, 10, 10, '-16');
SELECT make_timestamptz(2014, 12, 10, 10, 10, 10, 'Nowhere');
CREATE TABLE v (f1 varchar(4), n int);
INSERT INTO v VALUES ('b', 2), ('a', 1), ('b', 3);
SELECT string_agg(DISTINCT f1, ',' ORDER BY f1), string_agg(DISTINCT f1::text, ',' ORDER BY f1::text), array_agg(DISTINCT n ORDER BY n DESC) FROM v;
SELECT string_agg(DISTINCT f1::text, ',' ORDER BY f1) FROM v;
SELECT string_agg(DISTINCT f1, ',' ORDER BY f1::text) FROM v;
SELECT array_agg(DISTINCT n ORDER BY f1) FROM v;
-- pgd1: 0A000
SELECT (SELECT n FROM v ORDER BY n LIMIT 1 OFFSET g.i) FROM generate_series(0, 3) g (i);
-- pgd1: 0A000
SELECT * FROM v a JOIN v b USING (n) AS x;
