-- sums beyond 64 bits
CREATE TABLE big (v int8, g int, n numeric(15,2));
INSERT INTO big VALUES (9223372036854775807,1, 9999999999999.99),(5,1,2),(7,2,3);
SELECT sum(v) FROM big;
SELECT avg(v) FROM big;
SELECT g, sum(v), avg(v), count(*) FROM big GROUP BY g ORDER BY g;
SELECT g, sum(v) + 1 FROM big GROUP BY g HAVING sum(v) > 1 ORDER BY sum(v) DESC;
SELECT v, sum(v) OVER (ORDER BY v) FROM big ORDER BY v;
SELECT sum(n), sum(n*1000) FROM big;
SELECT v + 1 FROM big WHERE g = 1 ORDER BY v;
SELECT g FROM big WHERE v + 1 < 0;
SELECT (SELECT sum(v) FROM big b WHERE b.g = a.g) FROM big a ORDER BY 1;
SELECT abs(v - 9223372036854775807 - 9) FROM big ORDER BY 1;
