-- of relations of one name the one that stands first on the search path is visible
create schema ea;
create schema aa;
create schema bb;
create table aa.same_name(id int primary key, val text);
create table bb.same_name(id int, other int, val text, primary key(id,other));
create sequence bb.q;
create sequence aa.q;
create view bb.v as select 1;
create view aa.v as select 2;
create table bb.only_b(i serial primary key);
set search_path to ea, aa, bb;
select n.nspname, c.relname, c.relkind, pg_table_is_visible(c.oid) from pg_class c join pg_namespace n on n.oid=c.relnamespace where nspname in ('ea','aa','bb') order by 1,2;
create temp table only_b(i int primary key);
select n.nspname in ('bb'), c.relname, c.relkind, pg_table_is_visible(c.oid) from pg_class c join pg_namespace n on n.oid=c.relnamespace where c.relname like 'only_b%' order by 1,2;
set search_path to public;
select n.nspname, c.relname, c.relkind, pg_table_is_visible(c.oid) from pg_class c join pg_namespace n on n.oid=c.relnamespace where nspname in ('ea','aa','bb') order by 1,2;
