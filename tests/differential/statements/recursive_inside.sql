-- recursion that SQLite does not follow is refused
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t;
WITH RECURSIVE t (n) AS (WITH base AS (SELECT 1 AS x) SELECT x FROM base UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t;
-- pgd1: 0A000
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL (WITH step AS (SELECT 1 AS s) SELECT n + s FROM t, step WHERE n < 5)) SELECT sum(n) FROM t;
-- pgd1: 0A000
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL (WITH step AS (SELECT n + 1 AS s FROM t WHERE n < 5) SELECT s FROM step)) SELECT sum(n) FROM t;
WITH a AS (WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t) SELECT sum(n) FROM a;
SELECT * FROM (VALUES (1)) x (lb), LATERAL (VALUES (lb)) y (lbcopy);
SELECT * FROM (VALUES (1), (2)) x (lb), LATERAL (SELECT lb + 1 AS n) y ORDER BY 1;
