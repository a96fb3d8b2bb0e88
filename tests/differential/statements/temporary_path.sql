-- details are compared
-- where the search path begins with pg_temp, what comes without a schema is temporary
set search_path = pg_temp, public;
select current_schema() ~ '^pg_temp';
create table lists (a int primary key); create sequence numbers; create table copies as select 1 as x; select 1 as y into others;
create table public.kept (a int); create index on kept (a);
select relname, relpersistence from pg_class where relname in ('lists', 'lists_pkey', 'numbers', 'copies', 'others', 'kept', 'kept_a_idx') order by 1;
select current_schemas(false) = array[pg_my_temp_schema()::regnamespace::name, 'public'];
create unlogged table pg_temp.loose (a int);
create unlogged table loose (a int);
-- pgd1: 0A000
create type mood as enum ('x');
-- pgd1: 0A000
create domain pg_temp.word as text;
set search_path = public, pg_temp;
create table second (a int);
select current_schema();
set search_path = nowhere, pg_temp;
create table third (a int);
reset search_path;
create table fourth (a int);
select relname, relpersistence from pg_class where relname in ('second', 'third', 'fourth') order by 1;
select current_schema(), current_schemas(false);
-- CONCURRENTLY stands in no block
begin; create index concurrently kept_2 on kept (a);
rollback;
create index concurrently kept_2 on kept (a);
begin; drop index concurrently kept_2;
rollback;
drop index concurrently kept_2;
