-- MATCH FULL of one column is what SQLite does, and is shown as it was written
CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p MATCH FULL ON DELETE CASCADE, code text, up int REFERENCES c MATCH FULL DEFERRABLE, plain int REFERENCES p MATCH SIMPLE,
  CONSTRAINT coded FOREIGN KEY (code) REFERENCES p (code) MATCH FULL ON UPDATE CASCADE INITIALLY DEFERRED);
SELECT conname, confmatchtype, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY conname;
SELECT constraint_name, match_option FROM information_schema.referential_constraints ORDER BY 1;
-- through a table made anew, a new column, a new constraint and new names
ALTER TABLE c ALTER COLUMN plain TYPE bigint;
ALTER TABLE c ADD COLUMN late int REFERENCES p (id) MATCH FULL;
ALTER TABLE c ADD COLUMN later int;
ALTER TABLE c ADD CONSTRAINT latest FOREIGN KEY (later) REFERENCES p MATCH FULL ON DELETE SET NULL;
ALTER TABLE c RENAME COLUMN p TO parent;
ALTER TABLE c ALTER CONSTRAINT coded DEFERRABLE;
ALTER TABLE p RENAME TO q;
ALTER TABLE c RENAME TO d;
ALTER TABLE d DROP COLUMN plain;
SELECT conname, confmatchtype, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY conname;
INSERT INTO q VALUES (1, 'a');
INSERT INTO d (id, parent, code) VALUES (1, NULL, NULL), (2, 1, 'a');
INSERT INTO d (id, parent) VALUES (3, 7);
BEGIN;
CREATE TEMP TABLE t (id int PRIMARY KEY, up int REFERENCES t MATCH FULL);
SELECT conname, confmatchtype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 't_up_fkey';
ROLLBACK;
-- pgd1: 0A000
CREATE TABLE many (a int, b int, UNIQUE (a, b), FOREIGN KEY (a, b) REFERENCES many (a, b) MATCH FULL);
CREATE TABLE some (a int REFERENCES q MATCH PARTIAL);
