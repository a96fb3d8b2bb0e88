-- details are compared
-- what ALTER TABLE, ALTER DOMAIN and CREATE INDEX say of rows that they cannot take
create table twice (a int, b text, c int); insert into twice values (1, 'x', 1), (2, 'x', null), (2, 'y', 3);
alter table twice add constraint twice_a unique (a);
alter table twice add primary key (a);
alter table twice add primary key (c);
alter table twice add primary key (a, c);
alter table twice add constraint small check (a < 2);
alter table twice alter c set not null, add unique (a);
alter table twice alter c set not null;
alter table twice add d int not null;
alter table twice add d int primary key;
create table parent (id int primary key); insert into parent values (1);
alter table twice add constraint up foreign key (a) references parent;
alter table twice add constraint up foreign key (a) references parent not valid;
alter table twice validate constraint up;
delete from twice where c is null or a = 1; insert into twice values (1, 'z', 4);
alter table twice add constraint twice_c unique (c), add primary key (a);
alter table twice alter c type bigint using 0;
alter table twice alter a type bigint using 7;
create domain positive int check (value > 0); create domain word text not null;
create domain free int; create table free_rows (f free, g free); insert into free_rows values (-1, null);
alter table twice add e positive default -1;
alter table twice add e positive default 1;
alter table twice alter c type positive using -c;
alter table twice alter e type positive using -e;
alter table twice add f word;
alter domain free set not null;
alter domain free add check (value > 0);
-- CREATE UNIQUE INDEX says what could not be made
create table same (t text, n int); insert into same values ('x', 1), ('x', 1);
create schema apart; create table apart.same (n int); insert into apart.same values (1), (1);
-- detail is left out
create unique index same_t on same (t);
-- detail is left out
create unique index concurrently "Same '1" on same (t, n);
-- detail is left out
create unique index on same (lower(t));
-- detail is left out
create unique index same_n on apart.same (n);
-- detail is left out
create unique index same_n on apart.same ((n + 1));
begin; create table inside (n int); insert into inside values (1), (1);
-- detail is left out
create unique index inside_n on inside (n);
rollback;
-- a table refers to a key that comes with the reference
create table tree (id int, up int, code text, upper text);
alter table tree add unique (id), add foreign key (up) references tree (id);
alter table tree add constraint tree_code unique (code), add level int, add foreign key (upper) references tree (code);
insert into tree values (1, null, 'a', null, 1), (2, 1, 'b', 'a', 2);
insert into tree values (2, 1, 'c', null, 2);
insert into tree values (3, 7, 'c', null, 2);
insert into tree values (3, 1, 'c', 'z', 2);
alter table tree drop constraint tree_code;
alter table tree drop constraint tree_upper_fkey, drop constraint tree_code;
alter table tree add x int unique, add y int references tree (x);
select conname, contype, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'tree'::regclass order by 1;
create table plain_tree (id int primary key, up int); insert into plain_tree values (1, null), (2, 1), (3, 9);
alter table plain_tree drop constraint plain_tree_pkey;
alter table plain_tree add primary key (id), add constraint up foreign key (up) references plain_tree;
delete from plain_tree where id = 3;
alter table plain_tree add primary key (id), add constraint up foreign key (up) references plain_tree;
select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'plain_tree'::regclass order by 1;
-- columns that are not the table's own, and what ALTER INDEX and REINDEX name
create table bare (a int, b int);
alter table bare drop xmin;
alter table bare add foreign key (tableoid) references parent;
create table bare_2 (a int references parent (ctid));
alter table bare add primary key (c);
alter table bare add unique (c);
create index bare_i on bare (a, (a + 1)) include (b);
alter index bare_i alter column 1 set statistics 10;
alter index bare_i alter column 2 set statistics 10;
alter index bare_i alter column 3 set statistics 10;
alter index bare_i alter column 4 set statistics 10;
alter index bare alter column 1 set statistics 10;
alter index bare rename to barer;
select relname, relkind from pg_class where relname like 'bare%' order by 1;
reindex table barer;
reindex table concurrently pg_class;
