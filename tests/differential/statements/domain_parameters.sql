-- a parameter of a domain becomes what the domain's length makes of it when it is read, as PostgreSQL's input of domains does
CREATE DOMAIN money2 AS numeric(8,2);
CREATE DOMAIN money2_again AS money2;
CREATE DOMAIN word5 AS varchar(5);
CREATE DOMAIN word5_checked AS varchar(5) CHECK (VALUE <> 'bad');
CREATE DOMAIN code5 AS char(5);
CREATE DOMAIN second AS timestamp(0);
CREATE TABLE held (id int PRIMARY KEY, amount money2, word word5, checked word5_checked, code code5, moment second);
-- parameters: 1.239
INSERT INTO held (id, amount) VALUES (1, $1) RETURNING amount;
-- parameters: 123456789.1
UPDATE held SET amount = $1;
-- parameters: abcdefgh
INSERT INTO held (id, word) VALUES (2, $1);
-- parameters: abc      |3
INSERT INTO held (id, word) VALUES ($2, $1) RETURNING word || '.';
-- parameters: abcdefgh
INSERT INTO held (id, checked) VALUES (4, 'a'), (5, $1);
-- parameters: bad
INSERT INTO held (id, checked) VALUES (4, $1);
-- parameters: abcdefgh
INSERT INTO held (id, code) VALUES (6, $1);
-- parameters: 2024-01-01 10:00:00.7
INSERT INTO held (id, moment) SELECT 7, $1 RETURNING moment;
-- parameters: 1.239
INSERT INTO held (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET amount = $1 RETURNING amount;
-- parameters: 1.239
SELECT id FROM held WHERE amount = $1::money2_again;
-- parameters: abcdefgh
SELECT $1::word5;
PREPARE change AS UPDATE held SET amount = $1 WHERE id = 1 RETURNING amount;
EXECUTE change('7.777');
EXECUTE change(7.777);
EXECUTE change(1234567.8);
SELECT * FROM held ORDER BY id;
