-- What is another value each time is one for each row, also in changes of many rows that D1 works out by itself.
CREATE TABLE many (id int PRIMARY KEY, u uuid);
INSERT INTO many SELECT n, gen_random_uuid() FROM generate_series(1, 20) n;
SELECT count(DISTINCT u) FROM many;
CREATE TABLE more (u uuid, t text);
INSERT INTO more SELECT gen_random_uuid(), gen_random_uuid()::text FROM many;
SELECT count(DISTINCT u), count(DISTINCT t), count(*) FILTER (WHERE u::text = t) FROM more;
SELECT count(*) FROM more WHERE t ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$';
UPDATE many SET u = gen_random_uuid();
SELECT count(DISTINCT u) FROM many;
UPDATE many SET u = gen_random_uuid() WHERE id > 10;
SELECT count(DISTINCT u) FROM many;
SELECT count(DISTINCT u) FROM (SELECT gen_random_uuid() AS u FROM many) q;
CREATE TABLE made AS SELECT gen_random_uuid() AS u, random() AS r FROM many;
SELECT count(DISTINCT u), count(DISTINCT r) FROM made;
-- CREATE TABLE AS knows the moment and the session.
CREATE TABLE kept AS SELECT id, now() AS at, current_date AS d, current_user = 'postgres' AS me, 'x?1' AS q FROM many;
SELECT count(*), count(DISTINCT at), count(DISTINCT q), bool_and(d = current_date), bool_and(me), bool_and(at <= now()) FROM kept;
BEGIN;
SELECT id, transaction_timestamp() AS t, clock_timestamp() AS c INTO inside FROM many WHERE id < 3;
SELECT id, t = now(), c >= t FROM inside ORDER BY id;
COMMIT;
SELECT id, c >= t FROM inside ORDER BY id;
CREATE TABLE bare AS SELECT localtimestamp AS at WITH NO DATA;
SELECT count(*) FROM bare;
