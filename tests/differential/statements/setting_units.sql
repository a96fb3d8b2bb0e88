-- details are compared
-- settings are shown in the largest unit that gives a whole number, fractions of milliseconds in the smallest
SET vacuum_cost_delay = 40;
SHOW vacuum_cost_delay;
SELECT current_setting('vacuum_cost_delay'), setting, unit FROM pg_settings WHERE name = 'vacuum_cost_delay';
SET vacuum_cost_delay = 80.1;
SHOW vacuum_cost_delay;
SET vacuum_cost_delay = '0.9';
SHOW vacuum_cost_delay;
SET vacuum_cost_delay = '0.1s';
SHOW vacuum_cost_delay;
SET vacuum_cost_delay = '1us';
SHOW vacuum_cost_delay;
SET vacuum_cost_delay = '0.4us';
SHOW vacuum_cost_delay;
SET vacuum_cost_delay = 0;
SHOW vacuum_cost_delay;
SET seq_page_cost = 1.25;
SHOW seq_page_cost;
-- a fraction keeps whole ones of the next smaller unit
SET vacuum_cost_delay = '0.1d';
SET work_mem = '1.7GB';
SHOW work_mem;
SET work_mem = '1.0001MB';
SHOW work_mem;
SET statement_timeout = '0.5d';
SHOW statement_timeout;
SET statement_timeout = '0.06h';
SHOW statement_timeout;
SET statement_timeout = '1.0009s';
SHOW statement_timeout;
SET statement_timeout = '1500us';
SHOW statement_timeout;
-- whole numbers are read as in C
SET statement_timeout = '0100min';
SHOW statement_timeout;
SET statement_timeout = '0x10s';
SHOW statement_timeout;
SET statement_timeout = '1e2s';
SHOW statement_timeout;
SET statement_timeout = '09';
SET statement_timeout = '99999999999';
SET statement_timeout = 0;
SHOW statement_timeout;
