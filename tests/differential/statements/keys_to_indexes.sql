-- foreign keys to a unique index that no constraint stands for
CREATE TABLE k (a int, b int, c int, up_a int, up_b int);
CREATE UNIQUE INDEX k_ab ON k (a, b);
CREATE UNIQUE INDEX k_c ON k (c) WHERE c > 0;
CREATE INDEX k_b ON k (b);
ALTER TABLE k ADD CONSTRAINT k_up FOREIGN KEY (up_b, up_a) REFERENCES k (b, a);
ALTER TABLE k ADD FOREIGN KEY (up_a) REFERENCES k (c);
ALTER TABLE k ADD FOREIGN KEY (up_a) REFERENCES k (b);
INSERT INTO k VALUES (1, 2, 3), (2, 2, 4);
UPDATE k SET up_a = 1, up_b = 2 WHERE a = 2;
-- message differs
UPDATE k SET up_a = 1, up_b = 3 WHERE a = 2;
DELETE FROM k WHERE a = 1;
ALTER TABLE k DROP COLUMN c;
ALTER TABLE k DROP CONSTRAINT k_up, ADD CONSTRAINT k_up2 FOREIGN KEY (up_a, up_b) REFERENCES k (a, b) ON DELETE SET NULL;
DELETE FROM k WHERE a = 1;
SELECT * FROM k ORDER BY a;
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'k'::regclass ORDER BY 1;
ALTER TABLE k ADD CONSTRAINT k_key UNIQUE (b);
ALTER TABLE k DROP CONSTRAINT k_key, ADD FOREIGN KEY (up_b) REFERENCES k (b);
BEGIN;
CREATE TABLE k2 (a int, up int);
CREATE UNIQUE INDEX ON k2 (a);
ALTER TABLE k2 ADD FOREIGN KEY (up) REFERENCES k2 (a);
INSERT INTO k2 VALUES (1, NULL), (2, 1);
INSERT INTO k2 VALUES (3, 7);
COMMIT;
