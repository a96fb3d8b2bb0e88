-- constraints of domains that D1 cannot look at are refused, not forgotten
CREATE DOMAIN di AS int CHECK (value > 0);
CREATE DOMAIN free AS int;
CREATE DOMAIN short AS varchar(4);
-- pgd1: 0A000
CREATE TABLE da (v di[]);
-- pgd1: 0A000
CREATE TABLE db (v short[]);
PREPARE p (di) AS SELECT $1 > 5;
CREATE TABLE f (id int PRIMARY KEY, v free[], w di, x short);
INSERT INTO f VALUES (1, '{1,-1}', 1, 'abcd');
INSERT INTO f VALUES (2, '{}', -1, 'abcd');
INSERT INTO f VALUES (2, '{}', 1, 'abcde');
ALTER DOMAIN free ADD CHECK (value < 100);
SELECT * FROM f ORDER BY id;
CREATE TABLE gi (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED, c int);
INSERT INTO gi VALUES (1, DEFAULT), (2, DEFAULT);
UPDATE gi SET b = DEFAULT WHERE a = 1;
UPDATE gi SET b = DEFAULT, c = 4 WHERE a = 1;
UPDATE gi SET b = 5;
SELECT * FROM gi ORDER BY a;
CREATE SEQUENCE sq CACHE 0;
CREATE SEQUENCE sq CACHE 3;
-- pgd1: 0A000
CREATE TABLE bits (x bit(4), y bit varying(5));
-- pgd1: 0A000
SELECT B'0101'::bit(4);
CREATE DOMAIN dinter AS short CHECK (substring(value, 1, 1) = 'x');
CREATE DOMAIN price AS numeric(10,2);
CREATE DOMAIN cost AS price;
CREATE TABLE nested (d dinter, c cost);
INSERT INTO nested VALUES ('x1234', 1);
INSERT INTO nested VALUES ('y123', 1);
INSERT INTO nested VALUES ('x123', 1.239), (NULL, '2.5');
SELECT * FROM nested ORDER BY 1;
UPDATE nested SET c = c / 3;
SELECT c, c + 1 FROM nested ORDER BY 1;
PREPARE p_context AS SELECT $1::di > 5;
EXECUTE p_context(-1);
EXECUTE p_context(6);
-- pgd1: 0A000
SELECT ROW('a', 'b') ~<=~ ROW('c', 'd');
CREATE DOMAIN full_text AS text NOT NULL;
CREATE DOMAIN not_foo AS text CHECK (value <> 'foo') DEFAULT 'foo';
CREATE TABLE grows (a int);
ALTER TABLE grows ADD COLUMN z full_text;
INSERT INTO grows VALUES (1, 'z');
-- message differs
ALTER TABLE grows ADD COLUMN b full_text;
-- pgd1: 0A000
ALTER TABLE grows ADD COLUMN c not_foo;
ALTER TABLE grows ADD COLUMN d not_foo DEFAULT 'bar';
SELECT * FROM grows;
-- … also where a literal or a parameter is an array of them
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN plainint AS int;
SELECT '{1,0}'::plainint[], NULL::posint[];
-- pgd1: 0A000
SELECT '{1,0}'::posint[];
-- pgd1: 0A000
SELECT '{1,2}'::posint[];
-- pgd1: 0A000
SELECT CAST('{1}' AS short[]);
-- pgd1: 0A000
PREPARE inside AS SELECT $1::posint[];
-- pgd1: 0A000
PREPARE inside(posint[]) AS SELECT $1;
-- pgd1: 0A000
SELECT coalesce('{1,0}', NULL::posint[]);
