-- What would have to know the order of an enum's labels, or to check the elements of an array, is refused.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE TABLE q (id int PRIMARY KEY, p posint, m mood, a int[]);
INSERT INTO q VALUES (1, 1, 'ok', '{-1}'), (2, 2, 'sad', '{2}');
-- pgd1: 0A000
SELECT width_bucket('ok'::mood, '{sad,happy}'::mood[]);
-- pgd1: 0A000
SELECT width_bucket(m, '{sad,happy}'::mood[]) FROM q;
SELECT width_bucket(id, '{1,2}'::int[]) FROM q ORDER BY id;
-- pgd1: 0A000
SELECT ARRAY[p] FROM q INTERSECT SELECT a FROM q;
-- pgd1: 0A000
SELECT ARRAY[p] FROM q WHERE id = 1 UNION ALL SELECT a FROM q WHERE id = 2;
-- pgd1: 0A000
SELECT ARRAY[p] FROM q WHERE id = 1 UNION ALL SELECT '{5}';
SELECT ARRAY[p] FROM q UNION SELECT ARRAY[p] FROM q ORDER BY 1;
