-- a zone given as an interval is any number of seconds, and wraps around as an int32 does
SELECT timezone('2562047788 hours'::interval, '24:00:00+00'::timetz), timezone('-2562047788 hours'::interval, '24:00:00-12'::timetz);
SELECT timezone('16 hours'::interval, '24:00:00+12'::timetz), timezone('596523:14:07'::interval, '01:02:03.5-12'::timetz), timezone('-596523:14:07'::interval, '01:02:03.5+12'::timetz);
SELECT timezone('-03:00:00'::interval, timezone('2562047788 hours'::interval, '24:00:00+00'::timetz)), timezone('UTC', timezone('596523:14:07'::interval, '12:00-01'::timetz));
SELECT timezone('596523:14:07'::interval, timezone('-2 hours'::interval, '12:00-01'::timetz));
SELECT timezone('2562047788 hours'::interval, '24:00:00+00'::timetz)::time, timezone('2562047788 hours'::interval, '24:00:00+00'::timetz)::text, to_json(timezone('2562047788 hours'::interval, '24:00:00+00'::timetz));
SELECT extract(timezone FROM t), extract(timezone_hour FROM t), extract(timezone_minute FROM t), extract(epoch FROM t), t - interval '1 hour', date '2024-01-02' + t FROM (SELECT timezone('596523:14:07'::interval, '12:00'::timetz) AS t) AS s;
SELECT t < '12:00+01'::timetz, t = timezone('-00:00:01'::interval, t), t::timetz(0) FROM (SELECT timezone('-596523:14:07'::interval, '12:00:00.6'::timetz) AS t) AS s;
CREATE TABLE kept (id int PRIMARY KEY, t timetz);
INSERT INTO kept VALUES (1, timezone('596523:14:07'::interval, '12:00'::timetz)), (2, timezone('-596523:14:07'::interval, '12:00'::timetz)), (3, '12:00');
SELECT id, t FROM kept ORDER BY t;
SELECT timezone('1 day'::interval, '12:00'::timetz);
SELECT '12:00+577014:31:28'::timetz;
-- what PostgreSQL writes of the least int32 is no time: 08:45:52+4294370773:4294967282:4294967288
-- pgd1: 0A000
SELECT timezone('-596523:14:08'::interval, '24:00:00-12'::timetz);
