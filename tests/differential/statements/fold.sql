-- lower() and upper() of letters that fold to ASCII; unique indexes on them
CREATE TABLE t (id int PRIMARY KEY, a text);
INSERT INTO t VALUES (1,'Kilo'),(2,'kilo'),(3,'Éa'),(4,U&'\212Ailo'),(5,U&'\0130x'),(6,U&'\0131x'),(7,U&'\017Fo'),(8,NULL);
CREATE INDEX ON t (lower(a));
SELECT id FROM t WHERE lower(a) = 'kilo' ORDER BY id;
SELECT id FROM t WHERE lower(a) <> 'kilo' ORDER BY id;
SELECT id FROM t WHERE NOT (lower(a) = 'kilo') ORDER BY id;
SELECT id, lower(a) = NULL, lower(a) = 'ix' FROM t ORDER BY id;
SELECT id FROM t WHERE lower(a) IN ('kilo', 'ix') ORDER BY id;
SELECT id FROM t WHERE upper(a) = 'IX' OR upper(a) = 'SO' ORDER BY id;
SELECT id FROM t WHERE upper(a) <> 'SO' ORDER BY id;
SELECT id FROM t WHERE lower(a) = 'kikikikikikiki' ORDER BY id;
SELECT id FROM t WHERE lower(a) = 'éa' ORDER BY id;
SELECT id FROM t WHERE lower(a) LIKE 'ki%' ORDER BY id;
CREATE TABLE m (id int PRIMARY KEY, email text, tenant int);
CREATE UNIQUE INDEX ml ON m (lower(email));
CREATE UNIQUE INDEX mt ON m (tenant, upper(email));
INSERT INTO m VALUES (1,'A@x.de',1);
INSERT INTO m VALUES (2,'a@X.de',2);
INSERT INTO m VALUES (3,'b@x.de',2);
INSERT INTO m VALUES (4,NULL,2),(5,NULL,2);
INSERT INTO m VALUES (6,'B@x.de',3) ON CONFLICT (lower(email)) DO UPDATE SET tenant = 77 RETURNING id, tenant;
INSERT INTO m VALUES (6,'B@x.de',77) ON CONFLICT (upper(email), tenant) DO NOTHING;
SELECT id FROM m WHERE lower(email) = 'b@x.de';
-- pgd1: 0A000
INSERT INTO m VALUES (7,'Ä@x.de',3);
-- pgd1: 0A000
UPDATE m SET email = 'ä' WHERE id = 1;
