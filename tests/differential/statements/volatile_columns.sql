-- a volatile column is worked out once for each row
CREATE TABLE t (i int);
INSERT INTO t VALUES (1), (2), (3);
SELECT count(*) FROM (SELECT a, a AS b FROM (SELECT random() a FROM t) s) q WHERE a = b;
SELECT count(*) FROM (SELECT random() a FROM t) s WHERE a = a;
SELECT count(*) FROM (SELECT a, a + 0 AS b FROM (SELECT random() a FROM generate_series(1, 50)) s) q WHERE a <> b;
SELECT count(*) FROM (SELECT u, u AS v FROM (SELECT gen_random_uuid() u FROM t) s) q WHERE u = v;
WITH v AS (SELECT random() r FROM t) SELECT count(*) FROM v a JOIN v b ON a.r = b.r;
WITH v AS NOT MATERIALIZED (SELECT random() r FROM t) SELECT count(*) FROM v a JOIN v b ON a.r = b.r;
WITH v AS (SELECT random() r, i FROM t) SELECT count(*) FROM v a WHERE r = (SELECT r FROM v WHERE v.i = a.i LIMIT 1);
WITH q (x) AS (SELECT random() FROM generate_series(1, 5)) SELECT count(*) FROM (SELECT * FROM q UNION SELECT * FROM q) s;
WITH v AS (SELECT * FROM (SELECT random() r FROM t) s) SELECT count(DISTINCT r) FROM (SELECT r FROM v UNION ALL SELECT r FROM v) s;
WITH v AS (SELECT i FROM t WHERE random() < 2) SELECT count(*) FROM v a JOIN v b USING (i);
