-- details are compared
-- a table that is called as ON CONFLICT calls the row proposed
CREATE TABLE excluded (key int PRIMARY KEY, data text);
INSERT INTO excluded VALUES (1, '1');
INSERT INTO excluded AS t VALUES (1, '2') ON CONFLICT (key) DO UPDATE SET data = excluded.data RETURNING *;
INSERT INTO excluded AS t VALUES (1, '3') ON CONFLICT (key) DO UPDATE SET data = t.data || excluded.data WHERE t.data <> excluded.data RETURNING *, (SELECT count(*) FROM excluded);
INSERT INTO excluded AS t VALUES (1, '4') ON CONFLICT (key) DO UPDATE SET data = (SELECT max(e.data) || excluded.data || t.data FROM excluded e WHERE e.key = t.key) RETURNING t.*;
INSERT INTO excluded AS t VALUES (1, 'z'), (1, 'y') ON CONFLICT (key) DO UPDATE SET data = excluded.data;
INSERT INTO excluded AS t VALUES (1, 'z'), (2, 'y') ON CONFLICT (key) DO UPDATE SET data = t.data || excluded.data RETURNING data;
INSERT INTO excluded VALUES (1, 'z') ON CONFLICT (key) DO UPDATE SET data = excluded.data;
INSERT INTO excluded VALUES (1, 'z') ON CONFLICT (key) DO UPDATE SET data = 'q' RETURNING *;
CREATE VIEW ev AS SELECT key AS k, data AS d FROM excluded;
INSERT INTO ev VALUES (1, 'v') ON CONFLICT (k) DO UPDATE SET d = excluded.d || ev.d RETURNING *;
-- the names that might have been meant
CREATE TABLE t (key int PRIMARY KEY, data text);
INSERT INTO t VALUES (1, 'a') ON CONFLICT (keyy) DO NOTHING;
INSERT INTO t VALUES (1, 'a') ON CONFLICT (keyy) DO UPDATE SET data = excluded.dat;
INSERT INTO t VALUES (1, 'a') ON CONFLICT (key) WHERE dataa > 1 DO UPDATE SET data = 1;
INSERT INTO t VALUES (1, 'a') ON CONFLICT (key) DO UPDATE SET data = excluded.dat;
INSERT INTO t VALUES (1, 'a') ON CONFLICT (key) DO UPDATE SET data = 1 RETURNING keyx;
-- no row twice
MERGE INTO t USING (VALUES (1), (1)) v(i) ON t.key = v.i WHEN MATCHED THEN DELETE;
INSERT INTO t VALUES (1, 'q');
MERGE INTO t USING (VALUES (1), (1)) v(i) ON t.key = v.i WHEN MATCHED THEN DELETE;
WITH RECURSIVE r AS (SELECT 1 AS i) MERGE INTO t USING r ON true WHEN NOT MATCHED THEN INSERT VALUES (1, 'q');
