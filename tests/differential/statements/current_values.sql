-- currval() and lastval()
CREATE TABLE u (id serial PRIMARY KEY, k text UNIQUE, n int DEFAULT 0);
CREATE TABLE child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uid bigint, what text);
CREATE TABLE side (a text, no serial);
CREATE TABLE note (a text, n bigint);
SELECT currval('u_id_seq');
SELECT lastval();
SELECT currval('nope');
SELECT currval('u');
INSERT INTO u(k) VALUES ('a');
SELECT currval('u_id_seq'), lastval(), currval(pg_get_serial_sequence('u', 'id'));
INSERT INTO u(k) VALUES ('b'), ('c') RETURNING id;
SELECT currval('u_id_seq') AS now, lastval() + 1;
INSERT INTO child(uid, what) VALUES (currval('u_id_seq'), 'plain');
SELECT lastval(), currval('child_id_seq'), currval('public.u_id_seq');
SELECT u.k FROM u WHERE id = currval('u_id_seq');
SELECT u.k, to_char(currval('u_id_seq'), 'FM000') FROM u WHERE k ~ 'b';
UPDATE u SET n = currval('u_id_seq') WHERE k = 'a' RETURNING n;
INSERT INTO u(id, k) VALUES (1000, 'explicit');
SELECT currval('u_id_seq'), lastval();
INSERT INTO side(a) VALUES ('x');
SELECT currval('side_no_seq') = (SELECT max(no) FROM side), lastval();
CREATE SEQUENCE s1;
SELECT nextval('s1');
SELECT currval('s1'), lastval();
SELECT setval('s1', 50);
SELECT currval('s1'), lastval();
SELECT nextval('s1');
SELECT lastval();
-- in one string, one batch
INSERT INTO child(what) VALUES ('one'); SELECT currval('child_id_seq') = max(id) FROM child; INSERT INTO child(uid, what) SELECT 7, 'two';
-- pgd1: 0A000
SELECT currval('child_id_seq');
INSERT INTO child(what) VALUES ('three');
SELECT currval('child_id_seq') = max(id) FROM child;
-- in a block
BEGIN;
INSERT INTO child(what) VALUES ('in block');
SELECT currval('child_id_seq') = max(id), lastval() = max(id) FROM child;
SELECT lastval() > 0;
INSERT INTO note VALUES (lastval()::text, lastval() + 1) RETURNING a = currval('child_id_seq')::text;
ROLLBACK;
BEGIN;
INSERT INTO child(uid, what) VALUES (0, 'again');
INSERT INTO u(id, k, n) VALUES (2000, 'of child', currval('child_id_seq'));
UPDATE child SET uid = id + currval('child_id_seq') WHERE what = 'again' RETURNING uid = 2 * id;
SELECT n = currval('child_id_seq') FROM u WHERE id = 2000;
COMMIT;
SELECT currval('child_id_seq') = max(id), currval('child_id_seq') = (SELECT n FROM u WHERE id = 2000) FROM child;
SELECT lastval() = max(id) FROM child;
BEGIN;
INSERT INTO child(what) VALUES ('gone');
SAVEPOINT a;
INSERT INTO child(what) VALUES ('too');
ROLLBACK TO a;
-- pgd1: 0A000
SELECT currval('child_id_seq') > 0;
ROLLBACK;
-- pgd1: 0A000
SELECT lastval() > 0;
INSERT INTO child(what) VALUES ('x');
SELECT lastval() = max(id) FROM child;
-- pgd1: 0A000
SELECT nextval('s1'), currval('s1');
SELECT nextval('s1') > 0;
INSERT INTO u(k) SELECT 'q' || g FROM generate_series(1, 3) g;
-- pgd1: 0A000
SELECT currval('u_id_seq') > 0;
INSERT INTO u(k) VALUES ('a') ON CONFLICT DO NOTHING;
-- pgd1: 0A000
SELECT currval('u_id_seq') > 0;
-- pgd1: 0A000
INSERT INTO child(uid) VALUES (currval('child_id_seq'));
DISCARD SEQUENCES;
SELECT currval('s1');
SELECT lastval();
