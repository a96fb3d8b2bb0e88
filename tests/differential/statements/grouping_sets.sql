-- grouping sets: the empty one, what is NULL in which, GROUPING()
CREATE TABLE o (id int PRIMARY KEY, ten int, a int, n numeric(6,2));
INSERT INTO o VALUES (1, 0, 1, 1.5), (2, 0, 2, 2.5), (3, 1, 3, NULL), (4, NULL, 3, 4);
SELECT ten FROM o GROUP BY ROLLUP (ten);
SELECT ten FROM o WHERE false GROUP BY ROLLUP (ten);
SELECT 1 FROM o GROUP BY ();
SELECT count(*) FROM o WHERE false GROUP BY GROUPING SETS ((), (), (ten));
SELECT ten, grouping(ten) FROM o GROUP BY (ten) HAVING grouping(ten) >= 0 ORDER BY 2, 1;
SELECT ten, grouping(ten) FROM o GROUP BY ROLLUP (ten) HAVING grouping(ten) > 0 ORDER BY 2, 1;
SELECT ten, grouping(ten) FROM o GROUP BY CUBE (ten, a) HAVING grouping(ten) >= 0 ORDER BY 2, 1, grouping(a), a;
SELECT (ten + a) * 1, sum(a) FROM o GROUP BY GROUPING SETS (ten + a, ten);
SELECT ten + a, ten, a, sum(n) FROM o GROUP BY GROUPING SETS ((ten + a), (ten, a), ()) ORDER BY 1, 2, 3;
SELECT ten, (SELECT grouping(ten)), (SELECT ten), (SELECT x.ten FROM o x WHERE x.ten = o.ten AND x.a > 1) FROM o GROUP BY ROLLUP (ten) ORDER BY 1, 2;
SELECT ten, a FROM o GROUP BY ROLLUP (ten, a), ROLLUP (ten, a) ORDER BY 1, 2;
SELECT ten, a, count(*) FROM o GROUP BY DISTINCT ROLLUP (ten, a), ROLLUP (a, ten) ORDER BY 1, 2, 3;
SELECT DISTINCT ten, max(n) FROM o GROUP BY CUBE (ten, a) ORDER BY 1, 2;
SELECT ten, sum(a) FROM o GROUP BY ROLLUP (ten) ORDER BY sum(a) DESC, ten LIMIT 2;
SELECT id, a FROM o GROUP BY id ORDER BY id;
SELECT id, a FROM o GROUP BY ROLLUP (id);
SELECT grouping(a) FROM o GROUP BY ten;
SELECT grouping(ten + 1) FROM o GROUP BY ten;
SELECT (SELECT grouping(a)) FROM o GROUP BY ten;
-- pgd1: 0A000
SELECT ten, sum(a), sum(sum(a)) OVER (ORDER BY ten) FROM o GROUP BY ROLLUP (ten);
-- pgd1: 0A000
SELECT ten AS x, ten AS y FROM o GROUP BY x, ROLLUP (y);
SELECT id FROM o ORDER BY a USING >, id USING <;
SELECT id FROM o ORDER BY a USING =;
SELECT DISTINCT ten FROM o GROUP BY ten, a ORDER BY 1;
SELECT DISTINCT ten FROM o GROUP BY ten, a ORDER BY a;
SELECT 1 AS one FROM o HAVING count(*) > 0;
SELECT 1 AS one FROM o HAVING count(*) > 50;
SELECT 1 AS one FROM o WHERE false HAVING true;
SELECT 'x' AS x FROM o HAVING max(n) > 1 ORDER BY 1 LIMIT 5;
SELECT x FROM (SELECT 2 AS x FROM o HAVING max(a) > 1) s;
SELECT id FROM o WHERE EXISTS (SELECT 1 FROM o x HAVING max(x.id) > o.id) ORDER BY id;
