-- moving sums of numerics show the digits of the rows in the frame
CREATE TABLE n (id int PRIMARY KEY, big numeric);
INSERT INTO n VALUES (1,1.100),(2,2.20),(3,3.3),(4,4.4000),(5,0),(6,NULL),(7,'NaN'),(8,-4.40),(9,4.4);
SELECT id, sum(big) OVER w, avg(big) OVER w, stddev(big) OVER w, var_pop(big) OVER w FROM n WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY id;
SELECT id, sum(big) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), sum(big) OVER (ORDER BY id) FROM n ORDER BY id;
SELECT x, sum(x) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES (1,1.5000),(2,2.5),(3,3)) v(y,x);
-- CASE x compares one value
-- pgd1: 0A000
SELECT CASE floor(random()*3)::int WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END IS NULL;
SELECT CASE floor(random())::int WHEN 0 THEN 'a' ELSE 'c' END;
SELECT count(*) FROM (WITH v AS MATERIALIZED (SELECT floor(random()*3)::int AS x FROM generate_series(1,500)) SELECT CASE x WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE 'bad' END AS c FROM v) s WHERE c = 'bad';
-- where errors stand
SELECT 1 AS x UNION SELECT 2 ORDER BY x+1;
SELECT 1 AS x UNION SELECT 2 ORDER BY 1 + abs(x);
SELECT 1 AS x UNION SELECT 2 ORDER BY x + y;
SELECT 1 AS x UNION SELECT 2 ORDER BY y;
