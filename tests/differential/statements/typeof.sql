-- pg_typeof() of aggregates: one row, also over no rows
CREATE TABLE n (a int, b numeric);
SELECT pg_typeof(sum(a)), pg_typeof(avg(b)) FROM n;
INSERT INTO n VALUES (1, 2), (3, 4);
SELECT pg_typeof(5 / 2), pg_typeof(sum(a)) FROM n;
SELECT pg_typeof(max(b)), 7 AS x FROM n WHERE a > 100;
SELECT pg_typeof(sum(a)), a FROM n GROUP BY a ORDER BY a;
SELECT DISTINCT pg_typeof(sum(a)) FROM n;
SELECT (SELECT pg_typeof(count(*)) FROM n WHERE n.a > m.a) FROM n m;
