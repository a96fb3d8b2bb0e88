-- zones of make_timestamptz() that are no numbers: POSIX texts, as AT TIME ZONE takes them
SELECT timestamp '2020-01-01' AT TIME ZONE '-3.5';
SELECT timestamp '2020-01-01' AT TIME ZONE '3.5';
SELECT timestamp '2020-01-01' AT TIME ZONE '-3.5x';
SELECT make_timestamptz(2020,1,1,0,0,0,'-3');
SELECT make_timestamptz(2020,1,1,0,0,0,'+3.5');
SELECT make_timestamptz(2020,1,1,0,0,0,'3.5');
SELECT make_timestamptz(2020,1,1,0,0,0,'-3x');
SELECT make_timestamptz(2020,1,1,0,0,0,'-3:30');
SELECT make_timestamptz(2020,1,1,0,0,0,'-3.5.5');
SELECT make_timestamptz(2020,1,1,0,0,0,'-12.75');
SELECT make_timestamptz(2020,1,1,0,0,0,'-');
SELECT make_timestamptz(2020,1,1,0,0,0,'+nowhere');
SELECT make_timestamptz(2020,1,1,0,0,0,'-99');
