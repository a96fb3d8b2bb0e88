-- PREPARE of what is not there: the schema is looked at once more, then the error is given
PREPARE a AS SELECT * FROM nowhere;
PREPARE a AS SELECT nofun(1);
PREPARE a (unknown) AS SELECT * FROM nowhere WHERE x = $1;
PREPARE a (nosuchtype) AS SELECT $1;
EXECUTE a;
BEGIN;
PREPARE a AS SELECT * FROM nowhere;
ROLLBACK;
CREATE TABLE nowhere (x int);
PREPARE a AS SELECT * FROM nowhere;
EXECUTE a;
