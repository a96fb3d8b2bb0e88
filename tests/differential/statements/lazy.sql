-- what CASE, AND and COALESCE keep from being worked out is not, wherever it runs
CREATE TABLE t (id int PRIMARY KEY, a text, b int);
INSERT INTO t VALUES (1,'x',1),(2,'y',0),(3,'xx',5);
SELECT id, CASE WHEN a ~ '^x' THEN 10 / b END FROM t ORDER BY id;
SELECT id FROM t WHERE a ~ '^x' AND 10 / b > 1 ORDER BY id;
SELECT id, coalesce(nullif(regexp_replace(a, 'y', 'z'), a), (10 / b)::text) FROM t ORDER BY id;
UPDATE t SET b = CASE WHEN a ~ '^x' THEN 10 / b ELSE 0 END;
MERGE INTO t USING (VALUES (1),(2)) s(id) ON t.id = s.id WHEN MATCHED AND t.a ~ 'x' THEN UPDATE SET b = 100 / t.b WHEN MATCHED THEN DELETE;
SELECT * FROM t ORDER BY id;
SELECT replace('a', '', CASE WHEN id > 1 THEN a END), replace(a, 'x', CASE WHEN id > 1 THEN 'z' END) FROM t ORDER BY id;
