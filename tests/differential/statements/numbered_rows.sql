-- INSERT … SELECT whose rows take numbers: in the list, as defaults, of SQLite's own count
CREATE SEQUENCE s START 5 INCREMENT 2;
CREATE TABLE a (id int DEFAULT nextval('s'), x text);
CREATE TABLE b (id serial PRIMARY KEY, x text);
INSERT INTO b (x) VALUES ('p'), ('q');
INSERT INTO a (x) SELECT x FROM b ORDER BY id;
SELECT * FROM a ORDER BY id;
INSERT INTO b (x) SELECT x FROM a ORDER BY id DESC;
INSERT INTO b (id, x) SELECT nextval('b_id_seq'), x FROM a ORDER BY id DESC;
SELECT * FROM b ORDER BY id;
CREATE TABLE kept (id int PRIMARY KEY, g text, n numeric, k bigint);
INSERT INTO kept (id, g, n) SELECT nextval('s'), x, id * 1.5 FROM b ORDER BY x DESC, id;
INSERT INTO kept (id, g, n, k) SELECT nextval('s'), x, sum(id), count(*) FROM b GROUP BY x ORDER BY x;
SELECT * FROM kept ORDER BY id;
SELECT last_value, is_called FROM s;
INSERT INTO kept (id) SELECT nextval('s') FROM generate_series(1, 3) RETURNING id;
INSERT INTO kept (id, g) SELECT nextval('s') AS i, 'z' FROM b WHERE x = 'none';
SELECT last_value, is_called FROM s;
CREATE SEQUENCE tiny MAXVALUE 3;
INSERT INTO kept (id) SELECT nextval('tiny') FROM generate_series(1, 4);
ALTER SEQUENCE tiny RESTART;
PREPARE number(text, int) AS INSERT INTO kept (id, g, k) SELECT nextval('s'), $1, id FROM b WHERE id > $2 ORDER BY id;
EXECUTE number('it''s', 3);
EXECUTE number('more', 100);
SELECT id, g, k FROM kept WHERE k IS NOT NULL ORDER BY id;
BEGIN;
INSERT INTO b (x) VALUES ('in block');
INSERT INTO kept (id, g) SELECT nextval('s'), x FROM b WHERE x LIKE 'in%' RETURNING id, g;
INSERT INTO a (x) SELECT x FROM b WHERE x LIKE 'in%' RETURNING *;
COMMIT;
SELECT last_value, is_called FROM s;
SELECT nextval('s');
CREATE TABLE other (id int DEFAULT nextval('s'), n int DEFAULT nextval('tiny'), x text);
INSERT INTO other (x) SELECT x FROM b ORDER BY id LIMIT 2;
INSERT INTO other (x) VALUES ('v');
SELECT n, x FROM other ORDER BY n;
-- pgd1: 0A000
INSERT INTO kept (id) SELECT 1000 + nextval('tiny') FROM generate_series(1, 2);
-- pgd1: 0A000
INSERT INTO kept (id) SELECT nextval('s') FROM b ON CONFLICT DO NOTHING;
-- pgd1: 0A000
INSERT INTO kept (id, k) SELECT nextval('s'), nextval('s') FROM b;
-- pgd1: 0A000
INSERT INTO kept (id) SELECT nextval('s') FROM b LIMIT 1;
-- pgd1: 0A000
INSERT INTO kept (id) SELECT DISTINCT nextval('s') FROM b;
