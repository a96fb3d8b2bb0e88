'2024-02-29'::date + 1
'2024-02-29'::date - 60
'2024-02-29'::date - '2023-02-28'::date
'2024-02-29'::date + '1 year'::interval
'2024-01-31'::date + '1 month'::interval
'2024-02-29'::date + '10:30'::time
'2024-02-29 10:00'::timestamp + '1 day 02:00'
'2024-03-31 01:30'::timestamptz + '1 day'
'2024-03-30 02:30'::timestamptz + '24 hours'
'2024-02-29 10:00'::timestamp - '2023-12-25 11:30'::timestamp
'2024-02-29 10:00+02'::timestamptz - '2023-12-25 11:30-05'::timestamptz
'10:00'::time + '15 hours'
'10:00'::time - '11:00'
'10:00'::time - '08:15'::time
'10:00+02'::timetz + '1 hour'
'1 day'::interval + '2 hours'
'1 mon 3 days'::interval - '5 days 04:00'
- '1 mon -3 days'::interval
'1 day'::interval * 2.5
'1 month'::interval / 4
0.5 * '1 mon 1 day'::interval
'1 hour'::interval / 0
'1 day'::interval > '23:59:59'
'1 mon'::interval = '30 days'
'10:00+02'::timetz = '08:00+00'::timetz
'10:00+02'::timetz < '10:00+01'::timetz
age('2024-02-29'::timestamp,'1990-05-15'::timestamp)
age('1990-05-15'::timestamp,'2024-02-29 13:00'::timestamp)
age('2024-03-31'::timestamptz,'2024-02-29'::timestamptz)
date_part('year','2024-02-29 13:45:06.789'::timestamp)
date_part('epoch','1 day 01:00'::interval)
extract(year from '2024-02-29 13:45:06.789'::timestamp)
extract(month from '2024-02-29'::date)
extract(day from '1 mon 5 days 12:00'::interval)
extract(hour from '13:45:06.789'::time)
extract(second from '2024-02-29 13:45:06.789'::timestamp)
extract(milliseconds from '2024-02-29 13:45:06.789'::timestamp)
extract(microseconds from '13:45:06.789'::time)
extract(epoch from '2024-02-29 13:45:06.789+02'::timestamptz)
extract(epoch from '2024-02-29'::date)
extract(epoch from '1 year 2 mons'::interval)
extract(dow from '2024-02-25'::date)
extract(isodow from '2024-02-25'::date)
extract(doy from '2024-12-31'::date)
extract(week from '2021-01-03'::date)
extract(isoyear from '2021-01-03'::date)
extract(quarter from '2024-05-01'::date)
extract(decade from '2024-05-01'::date)
extract(century from '2000-05-01'::date)
extract(millennium from '2001-05-01'::date)
extract(julian from '2024-02-29 12:00'::timestamp)
extract(timezone from '2024-07-01 12:00'::timestamptz)
extract(timezone_hour from '2024-07-01 12:00'::timestamptz)
extract(timezone_minute from '10:00+05:30'::timetz)
extract(nope from '2024-02-29'::date)
extract(hour from '2024-02-29'::date)
extract(year from 'infinity'::timestamp)
extract(hour from 'infinity'::timestamp)
date_trunc('hour','2024-02-29 13:45:06.789'::timestamp)
date_trunc('day','2024-02-29 13:45:06.789'::timestamp)
date_trunc('week','2024-02-29 13:45:06.789'::timestamp)
date_trunc('month','2024-02-29 13:45:06.789'::timestamp)
date_trunc('quarter','2024-05-29 13:45:06.789'::timestamp)
date_trunc('year','2024-02-29 13:45:06.789'::timestamp)
date_trunc('decade','2024-02-29 13:45:06.789'::timestamp)
date_trunc('century','2024-02-29'::timestamp)
date_trunc('milliseconds','2024-02-29 13:45:06.789123'::timestamp)
date_trunc('day','2024-07-01 01:30+02'::timestamptz)
date_trunc('day','2024-07-01 01:30+02'::timestamptz,'America/New_York')
date_trunc('month','1 year 2 mons 3 days 04:05:06'::interval)
date_trunc('nope','2024-02-29'::timestamp)
date_trunc('day','2024-02-29'::date)
date_bin('15 minutes','2024-02-29 13:47:06','2001-01-01')
date_bin('1 day 2 hours','2024-02-29 13:47:06+00'::timestamptz,'2001-01-01+00')
date_bin('1 month','2024-02-29','2001-01-01')
date_bin('0 days','2024-02-29','2001-01-01')
make_date(2024,2,29)
make_date(2023,2,29)
make_time(13,45,6.5)
make_time(25,0,0)
make_timestamp(2024,2,29,13,45,6.789)
make_timestamptz(2024,7,1,12,0,0)
make_timestamptz(2024,7,1,12,0,0,'America/New_York')
make_interval(1,2,3,4,5,6,7.5)
make_interval(days => 10)
justify_days('35 days')
justify_hours('27 hours')
justify_interval('1 mon -1 hour')
isfinite('infinity'::date)
isfinite('2024-02-29'::timestamp)
'2024-07-01 12:00'::timestamp AT TIME ZONE 'America/New_York'
'2024-07-01 12:00+00'::timestamptz AT TIME ZONE 'America/New_York'
'2024-07-01 12:00+00'::timestamptz AT TIME ZONE '+02'
'2024-07-01 12:00+00'::timestamptz AT TIME ZONE interval '-5 hours'
'2024-07-01 12:00'::timestamp AT TIME ZONE 'CEST'
'2024-07-01 12:00'::timestamp AT TIME ZONE 'nowhere'
'10:00+02'::timetz AT TIME ZONE 'UTC'
timezone('UTC','2024-07-01 12:00'::timestamp)
'2024-02-29 13:45'::timestamp::date
'2024-02-29 13:45'::timestamp::time
'2024-07-01 23:30+00'::timestamptz::date
'2024-07-01 23:30+00'::timestamptz::time
'2024-07-01 23:30'::timestamp::timestamptz
'2024-07-01 23:30+00'::timestamptz::timestamp
'2024-02-29'::date::timestamptz
'13:45'::time::interval
'1 day 13:45'::interval::time
'13:45:06.7891234'::time(2)
'2024-02-29 13:45:06.789'::timestamp(0)
'1 day 01:02:03.456'::interval(1)
'1 year 2 mons'::interval year
'1 day 02:03:04'::interval hour
'2024-02-29'::date = '2024-02-29 00:00'::timestamp
'2024-02-29'::date < '2024-02-29 00:00+00'::timestamptz
'2024-02-29 12:00'::timestamp >= '2024-02-29'::date
'2024-02-29 12:00'::timestamp = '2024-02-29 11:00+00'::timestamptz
('2024-01-01'::date,'2024-02-01'::date) OVERLAPS ('2024-01-15'::date,'2024-03-01'::date)
('2024-01-01'::timestamp,'10 days'::interval) OVERLAPS ('2024-01-11'::timestamp,'1 day'::interval)
('10:00'::time,'11:00'::time) OVERLAPS ('11:00'::time,'12:00'::time)
to_timestamp(1718000000.5)
to_timestamp('NaN'::float8)
to_timestamp(-1)
'2024-02-30'::date
'2024-13-01'::date
'25:00'::time
'epoch'::timestamp
'infinity'::timestamp - '1 day'::interval
'infinity'::date + 1
'J2460370'::date
'2024-060'::date
'Feb 29 2024'::date
'29-Feb-2024 1:45 PM'::timestamp
'20240229T134506Z'::timestamptz
'2024-02-29 13:45:06 Europe/Berlin'::timestamptz
'1 year 2 months 3 weeks 4 days 5 hours 6 minutes 7.8 seconds ago'::interval
'P1Y2M3DT4H5M6S'::interval
'1-2 3 4:05:06'::interval
'@ 1 minute'::interval
'1.5 months'::interval
'2024-02-29'::date - '1 month'::interval
date '2024-02-29' BETWEEN '2024-01-01' AND '2024-12-31'
'12:00'::time BETWEEN '11:00' AND '13:00'
timestamp '2024-02-29 13:45' - interval '1 year'
-- refused: only the years 1 to 9999 can be stored
'9999-12-31'::date + 1
-- refused: only the years 1 to 9999 can be stored
'0001-01-01'::date - 1
-- refused: only the years 1 to 9999 can be stored
'9999-12-31 23:59:59'::timestamp + '1 second'
greatest('2024-01-01'::date,'2024-02-01')
'24:00'::time
'24:00:00'::time + '1 second'
overlaps('10:00'::time,'11:00'::time,'10:30'::time,'12:00'::time)
interval '2562047788:0:54.775807'
