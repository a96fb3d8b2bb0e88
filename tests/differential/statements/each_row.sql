CREATE TABLE t (id int PRIMARY KEY, price numeric(10,2), info jsonb, at timestamp);
INSERT INTO t SELECT g, 10, '{"0":1,"1":2,"2":3}', now() FROM generate_series(1, 300) g;
SELECT count(DISTINCT x) > 2 FROM (SELECT abs((random() * 100)::int - 50) AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT abs((random() * 100)::int - 50) AS x FROM generate_series(1, 300)) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT 100000 / ((random() * 1000)::int + 1) AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT (random() * 1000)::int % 7 AS x FROM generate_series(1, 300)) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT (ARRAY['a','b','c','d','e'])[1 + floor(random() * 5)::int] AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT (ARRAY['a','b','c','d','e'])[1 + floor(random() * 5)::int] AS x FROM generate_series(1, 300)) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT left(gen_random_uuid()::text, 8) AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT left(gen_random_uuid()::text, 8) AS x FROM generate_series(1, 300)) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT trunc(random() * 100) AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT sqrt(random()) AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT timestamp '2024-01-01' + (random() * 100)::int * interval '1 day' AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT at - (random() * 100)::int * interval '1 day' AS x FROM t) s;
SELECT count(DISTINCT x) > 2 FROM (SELECT price * (random() * 10)::numeric(10,2) AS x FROM t) s;
SELECT count(DISTINCT x) > 1 FROM (SELECT info -> ((random() * 2)::int)::text AS x FROM t) s;
SELECT count(*) BETWEEN 20 AND 280 FROM t WHERE abs((random() * 100)::int - 50) < 25;
SELECT count(*) > 1 FROM (SELECT abs((random() * 10)::int - 5), count(*) FROM t GROUP BY 1) s;
SELECT count(*) <= 100 FROM (SELECT * FROM t LIMIT (random() * 100)::int) s;
SELECT count(*) BETWEEN 20 AND 280 FROM t a JOIN t b ON a.id = b.id AND random() < 0.5;
-- pgd1: 0A000
SELECT count(*) BETWEEN 20 AND 280 FROM t a JOIN t b ON a.id = b.id AND abs((random() * 100)::int - 50) < 25;
SELECT count(DISTINCT x) > 2 FROM (SELECT abs((random() * 100)::int - 50) AS x FROM t a JOIN t b USING (id) LEFT JOIN t c ON c.id = a.id) s;
SELECT count(*) FROM (SELECT abs((random() * 100)::int - 50) AS x) s WHERE x > 50;
UPDATE t SET price = price * (1 + (random() * 10)::numeric(10,2)), at = at - (random() * 100)::int * interval '1 day', info = jsonb_build_object('a', abs((random() * 100)::int - 50));
SELECT count(DISTINCT price) > 2, count(DISTINCT at) > 2, count(DISTINCT info) > 2 FROM t;
INSERT INTO t SELECT id + 1000, 100000 / ((random() * 1000)::int + 1), info, at - (random() * 100)::int * interval '1 day' FROM t;
SELECT count(DISTINCT price) > 2, count(DISTINCT at) > 2 FROM t WHERE id > 1000;
INSERT INTO t VALUES (5000, abs((random() * 100)::int - 50), '{}', now() - (random() * 100)::int * interval '1 day'), (5001, abs((random() * 1000)::int - 50), '{}', now());
SELECT count(*) FROM t WHERE id >= 5000;
-- pgd1: 0A000
SELECT count(*) FROM (SELECT NULLIF((random() * 2)::int, 0) AS x FROM t) s WHERE x = 0;
-- pgd1: 0A000
SELECT NULLIF((random() * 2)::int, 0) IS DISTINCT FROM 0;
SELECT count(*) FROM (SELECT GREATEST((random() * 10)::int, 5) AS x FROM t) s WHERE x < 5;
SELECT count(*) FROM (WITH w AS MATERIALIZED (SELECT (random() * 2)::int AS r FROM t) SELECT NULLIF(r, 0) AS x FROM w) s WHERE x = 0;
