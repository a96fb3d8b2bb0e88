-- rows as keys: in the order of their columns, where each is known; else refused
CREATE TABLE unordered (id int, j json, n numeric);
CREATE TABLE ordered (id int, t text, n numeric);
INSERT INTO unordered VALUES (2, '1', 3), (10, '2', 4);
INSERT INTO ordered VALUES (2, 'b', 3), (10, 'a', 4), (NULL, 'c', 1);
SELECT id FROM unordered ORDER BY unordered;
SELECT id FROM unordered ORDER BY (unordered);
SELECT DISTINCT unordered FROM unordered;
SELECT unordered FROM unordered GROUP BY unordered;
SELECT id, lead(0) OVER (ORDER BY unordered, id) FROM unordered;
SELECT id, rank() OVER (PARTITION BY unordered) FROM unordered;
SELECT array_agg(id ORDER BY unordered) FROM unordered;
SELECT max(unordered) FROM unordered;
SELECT count(DISTINCT unordered) FROM unordered;
SELECT id FROM ordered ORDER BY ordered;
SELECT id FROM ordered ORDER BY ordered DESC;
SELECT id, row_number() OVER (ORDER BY ordered) FROM ordered;
-- pgd1: 0A000
SELECT DISTINCT ordered FROM ordered ORDER BY 1;
SELECT array_agg(id ORDER BY ordered) FROM ordered;
-- pgd1: 0A000
SELECT count(DISTINCT ordered) FROM ordered;
-- pgd1: 0A000
SELECT ordered FROM ordered UNION SELECT ordered FROM ordered ORDER BY 1;
-- pgd1: 0A000
SELECT count(*), ordered FROM ordered GROUP BY ordered ORDER BY 2;
INSERT INTO ordered VALUES (10, 'B', 1);
SELECT id, t FROM ordered ORDER BY (id, t);
SELECT id, t FROM ordered ORDER BY ROW(id, t) DESC;
SELECT id, t FROM ordered ORDER BY (id, n) DESC NULLS LAST;
SELECT id, t, rank() OVER (ORDER BY (id, n)) FROM ordered;
-- pgd1: 0A000
SELECT id, t FROM (SELECT id, t, ROW(id, n) AS r FROM ordered) s ORDER BY r;
-- pgd1: 0A000
SELECT DISTINCT (id, t) FROM ordered ORDER BY 1;
SELECT count(DISTINCT (id, t)) FROM ordered;
SELECT array_agg(t ORDER BY (id, t)) FROM ordered;
SELECT max((id, t)) FROM ordered;
-- pgd1: 0A000
SELECT (id, t) FROM ordered GROUP BY (id, t) ORDER BY 1;
SELECT count(*) FROM ordered GROUP BY (id > 3, t) ORDER BY 1;
SELECT rank() OVER (PARTITION BY (id > 3, t = 'a') ORDER BY n) FROM ordered;
SELECT id, t FROM ordered ORDER BY (ARRAY[id, n]);
-- pgd1: 0A000
SELECT x FROM (VALUES (ROW(2,'a')), (ROW(10,'b'))) v(x) ORDER BY x;
-- pgd1: 0A000
SELECT id FROM ordered ORDER BY (SELECT ROW(ordered.id, ordered.t));
SELECT row_to_json(ordered) FROM ordered ORDER BY ordered.id, ordered.t;
SELECT id FROM (SELECT * FROM ordered) s ORDER BY s;
SELECT ordered.id FROM ordered JOIN ordered unordered ON unordered.id = ordered.id ORDER BY ordered, unordered;
