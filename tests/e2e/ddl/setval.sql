CREATE TABLE people (id serial PRIMARY KEY, x int, k int);
CREATE SEQUENCE ks OWNED BY people.k;
INSERT INTO people (x) VALUES (1), (2), (3);
INSERT INTO people (id) VALUES (50);
SELECT setval('people_id_seq', (SELECT max(id) FROM people));
SELECT nextval('people_id_seq');
SELECT setval('people_id_seq', max(id)) FROM people;
SELECT setval('people_id_seq', COALESCE((SELECT MAX(id)+1 FROM people), 1), false);
SELECT setval('ks', (SELECT max(id) FROM people));
SELECT setval('ks', max(id)) FROM people;
SELECT setval(pg_get_serial_sequence('people', 'id'), coalesce(max(id), 1), max(id) IS NOT null) FROM people;
SELECT setval(pg_get_serial_sequence('"people"','k'), coalesce(max("id"), 1), max("id") IS NOT null) FROM "people";
SELECT nextval('ks'), nextval('people_id_seq');
SELECT setval(pg_get_serial_sequence('people', 'id'), 1, false);
ALTER SEQUENCE people_id_seq RESTART WITH 200;
INSERT INTO people (x) VALUES (1) RETURNING id;
-- refused
SELECT setval('people_id_seq', (SELECT GREATEST(MAX(id)+(SELECT increment_by FROM pg_sequences WHERE sequencename = 'people_id_seq'), (SELECT min_value FROM pg_sequences WHERE sequencename = 'people_id_seq')) FROM people), false);
DROP TABLE people;
