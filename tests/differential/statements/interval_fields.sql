-- the fields of an interval's type say what a bare number means, and what is kept
SELECT interval '1' year, interval '2' month, interval '3' day, interval '4' hour, interval '5' minute, interval '6' second;
SELECT interval '1' year, interval '7' year, interval '13' month;
SELECT interval '999' minute, '90' ::interval hour, CAST('10' AS interval day), CAST('2' AS interval second(1));
SELECT interval '1' year to month, interval '1 2' day to hour, interval '123 11' day to hour, interval '1 2:03' day to minute;
SELECT interval '1 2:03' minute to second, interval '1 -2:03' minute to second, interval '2:03' hour to second, interval '1.5' second(0);
SELECT interval '1 2:03:04.567' day to second(1), interval '5-6' year to month, interval '5 years 6 mons 7 days' year;
SELECT date '2024-01-31' + interval '1' month, timestamp '2024-01-31 10:00' - interval '90' minute;
CREATE TABLE t (id int PRIMARY KEY, y interval year, d interval day to hour, s interval second(1));
INSERT INTO t VALUES (1, '3', '4 5', '6.78'), (2, '1 year 5 mons', '1 day 02:30', '00:01:00.15');
UPDATE t SET y = '9' WHERE id = 2;
SELECT * FROM t ORDER BY id;
SELECT id FROM t WHERE y = interval '3' year;
SELECT interval '1 2:03' hour to foo;
SELECT interval 'x' year;
