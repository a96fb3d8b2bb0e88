-- details are compared
-- a domain's constraints are looked at when a parameter is read, whether its value is stored, used or not
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN small AS positive CONSTRAINT b_small CHECK (VALUE < 100) CONSTRAINT a_odd CHECK (VALUE % 2 = 1) NOT NULL;
CREATE DOMAIN word AS varchar(5) CHECK (VALUE = lower(VALUE));
CREATE DOMAIN present AS text NOT NULL;
CREATE DOMAIN price AS numeric(8,2) CHECK (VALUE >= 0);
CREATE DOMAIN past AS date CHECK (VALUE < '2000-01-01');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN well AS mood CHECK (VALUE > 'sad');
CREATE TABLE held (id int PRIMARY KEY, n positive, s small DEFAULT 1, w word, p present DEFAULT 'x', amount price);
-- parameters: 5
SELECT $1::positive;
-- parameters: -5
SELECT $1::positive;
-- parameters: -5
SELECT 1 WHERE $1::positive IS NULL AND false;
-- parameters: -5
UPDATE held SET n = $1 WHERE false;
-- parameters: 0
INSERT INTO held (id, n) SELECT 1, $1 WHERE false;
-- parameters: 98
SELECT $1::small;
-- parameters: 101
SELECT $1::small;
-- parameters: 102
SELECT $1::small;
-- parameters: -3
SELECT $1::small;
-- parameters: 7
SELECT $1::small + 1;
-- parameters: Abc
SELECT $1::word;
-- parameters: abcdefg
SELECT $1::word;
-- parameters: abc
SELECT $1::word || 'd';
-- parameters: -1.239
SELECT $1::price;
-- parameters: 1.239
SELECT $1::price;
-- parameters: 2001-05-05
SELECT $1::past;
-- parameters: 1999-05-05
SELECT $1::past;
-- parameters: sad
SELECT $1::well;
-- parameters: ok
SELECT $1::well;
-- parameters: nothing
SELECT $1::well;
-- parameters: -1|x
SELECT $1::positive, $2::int;
-- parameters: x|-1
SELECT $1::int, $2::positive;
-- parameters: 1|-1
INSERT INTO held (id, n) VALUES ($1, $2);
-- parameters: 1|1
INSERT INTO held (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING;
-- parameters: 1|-1
INSERT INTO held (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING;
PREPARE p(positive) AS SELECT 1;
EXECUTE p(1);
EXECUTE p(-1);
EXECUTE p(0.4);
EXECUTE p('0');
EXECUTE p(NULL);
PREPARE q(small) AS SELECT $1;
EXECUTE q(NULL);
EXECUTE q(3);
EXECUTE q(4);
PREPARE r(present, price) AS SELECT $1, $2;
EXECUTE r('x', 1.005);
EXECUTE r(NULL, 1);
EXECUTE r('x', -1);
EXPLAIN EXECUTE p(-1);
PREPARE u AS UPDATE held SET s = $1, w = $2 WHERE id = 77;
EXECUTE u(5, 'a');
EXECUTE u(6, 'a');
EXECUTE u(5, 'A');
ALTER DOMAIN positive DROP CONSTRAINT positive_check;
EXECUTE p(-1);
DELETE FROM held;
ALTER DOMAIN positive ADD CONSTRAINT even CHECK (VALUE % 2 = 0);
EXECUTE p(-1);
EXECUTE p(2);
