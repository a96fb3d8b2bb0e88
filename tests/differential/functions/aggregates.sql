SELECT count(*), count(x), sum(x), avg(x), min(x), max(x) FROM (VALUES (1),(2),(NULL),(4)) v(x)
SELECT sum(x), avg(x) FROM (VALUES (1.10),(2.2),(NULL)) v(x)
SELECT sum(x), avg(x) FROM (VALUES (0.1::float8),(0.2),(0.3)) v(x)
SELECT sum(x), avg(x) FROM (VALUES (0.1::float4),(0.2),(0.3)) v(x)
SELECT sum(x), avg(x) FROM (VALUES (9223372036854775807),(1)) v(x)
SELECT sum(x) FROM (VALUES ('NaN'::numeric),(1)) v(x)
SELECT sum(x), avg(x) FROM (VALUES ('1 day'::interval),('2 hours')) v(x)
SELECT sum(x), avg(x), count(x) FROM (VALUES (1)) v(x) WHERE false
SELECT stddev(x), stddev_pop(x), stddev_samp(x), variance(x), var_pop(x), var_samp(x) FROM (VALUES (1),(2),(4),(8)) v(x)
SELECT stddev(x), stddev_pop(x), variance(x), var_pop(x) FROM (VALUES (1.5),(2.25),(4)) v(x)
SELECT stddev(x), stddev_pop(x), variance(x), var_pop(x) FROM (VALUES (1.5::float8),(2.25),(4)) v(x)
SELECT stddev(x), var_pop(x) FROM (VALUES (5)) v(x)
SELECT corr(y,x), covar_pop(y,x), covar_samp(y,x), regr_slope(y,x), regr_intercept(y,x), regr_r2(y,x), regr_count(y,x), regr_avgx(y,x), regr_avgy(y,x), regr_sxx(y,x), regr_syy(y,x), regr_sxy(y,x) FROM (VALUES (1.0::float8,2.0::float8),(2,3.5),(4,7.1),(NULL,3)) v(y,x)
SELECT bool_and(x), bool_or(x), every(x) FROM (VALUES (true),(false),(NULL)) v(x)
SELECT bit_and(x), bit_or(x), bit_xor(x) FROM (VALUES (5),(3),(NULL)) v(x)
SELECT string_agg(x,',') FROM (VALUES ('a'),(NULL),('b')) v(x)
SELECT string_agg(x,',' ORDER BY x DESC) FROM (VALUES ('a'),('c'),('b')) v(x)
SELECT string_agg(DISTINCT x,',') FROM (VALUES ('a'),('a'),('b')) v(x)
SELECT string_agg(x,'\x00'::bytea) FROM (VALUES ('\x01'::bytea),('\x02')) v(x)
SELECT array_agg(x) FROM (VALUES (1),(NULL),(3)) v(x)
SELECT array_agg(x ORDER BY x) FROM (VALUES (3),(1)) v(x)
SELECT array_agg(DISTINCT x ORDER BY x) FROM (VALUES (3),(1),(3)) v(x)
SELECT array_agg(x) FROM (VALUES (1)) v(x) WHERE false
SELECT max(x), min(x) FROM (VALUES (9.5),(10.25),(NULL)) v(x)
SELECT max(x), min(x) FROM (VALUES ('1 day'::interval),('25 hours')) v(x)
SELECT max(x), min(x) FROM (VALUES ('a'),('B')) v(x)
SELECT max(x), min(x) FROM (VALUES ('2024-01-01'::date),('infinity'),('2023-01-01')) v(x)
SELECT max(x), min(x) FROM (VALUES ('10:00+02'::timetz),('09:30+00')) v(x)
SELECT count(DISTINCT x), sum(DISTINCT x) FROM (VALUES (1),(1),(2)) v(x)
SELECT count(DISTINCT x) FROM (VALUES (1.0),(1.00),(2)) v(x)
SELECT sum(x) FILTER (WHERE x > 1) FROM (VALUES (1),(2),(3)) v(x)
SELECT x, count(*) FROM (VALUES (1.0),(1.00),(2)) v(x) GROUP BY x ORDER BY x
-- refused: ordered-set aggregates
SELECT mode() WITHIN GROUP (ORDER BY x) FROM (VALUES (1),(2),(2)) v(x)
-- refused: ordered-set aggregates
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1.0::float8),(2),(4)) v(x)
SELECT x, sum(x) OVER (ORDER BY x), avg(x) OVER (), row_number() OVER (ORDER BY x DESC) FROM (VALUES (1),(2),(4)) v(x) ORDER BY x
SELECT x, sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES (1.5),(2),(4.25)) v(x) ORDER BY x
SELECT x, lag(x) OVER (ORDER BY x), lead(x,1,0) OVER (ORDER BY x), first_value(x) OVER (ORDER BY x), ntile(2) OVER (ORDER BY x) FROM (VALUES (1),(2),(4)) v(x) ORDER BY x
