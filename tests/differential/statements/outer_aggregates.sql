-- aggregates of the query around them
CREATE TABLE t (id int, g int);
INSERT INTO t VALUES (1, 1), (2, 1);
CREATE TABLE f (f1 int);
INSERT INTO f VALUES (0);
SELECT 1 FROM t a, LATERAL (SELECT max(a.id) FROM f b) ss;
SELECT 1 FROM t a JOIN LATERAL (SELECT b.f1 FROM f b GROUP BY b.f1 HAVING max(a.id) > 1) ss ON true;
SELECT a.g, s.m FROM t a, LATERAL (SELECT max(b.f1 + a.g) AS m FROM f b) s;
SELECT max(s.n) FROM (SELECT count(*) AS n FROM t) s;
SELECT 1 FROM t a, LATERAL (SELECT sum(a.id) OVER () FROM f b) ss;
SELECT array(SELECT percentile_disc(a) WITHIN GROUP (ORDER BY x) FROM (VALUES (0.3), (0.7)) v(a) GROUP BY a) FROM generate_series(1, 5) g(x);
SELECT array(SELECT percentile_disc(0.5 + a) WITHIN GROUP (ORDER BY x) FILTER (WHERE x > 1) FROM (VALUES (0.3), (0.7)) v(a)) FROM generate_series(1, 5) g(x);
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM t;
-- the order of an aggregate is one of its arguments: it may be all that makes it the outer query's
CREATE TABLE oa_a (id int, g int);
INSERT INTO oa_a VALUES (1,1),(2,1),(3,2);
CREATE TABLE oa_b (id int, t text);
INSERT INTO oa_b VALUES (1,'x'),(2,'y');
SELECT g, x FROM oa_a LEFT JOIN LATERAL (SELECT string_agg('x', ',' ORDER BY oa_a.id) AS x FROM oa_b) l ON true;
SELECT g FROM oa_a WHERE (SELECT string_agg('x', ',' ORDER BY oa_a.id) FROM oa_b) = 'x';
SELECT g, (SELECT string_agg(oa_b.t, ',' ORDER BY oa_a.id, oa_b.t DESC) FROM oa_b) FROM oa_a ORDER BY id;
