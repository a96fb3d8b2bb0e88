"""Temporary tables: psql says the same of them as it does with PostgreSQL 15, on every transport."""
import os
import re
import subprocess

import psycopg
import pytest
from pgd1 import Pgd1
from postgres import tool

# Each is a session of its own on a database that holds the tables of SETUP.
SETUP = """
create table people (id int primary key, name text not null, height numeric(5,2), born date, weight float8, photo bytea, tags text[], extra jsonb);
insert into people values (1, 'Ada', 1.65, '1815-12-10', 0.1, '\\x00ff', '{a,b}', '{"k": 1}'), (2, 'Bob', 1.80, null, 'NaN', null, null, null),
 (3, 'Çelik', null, '1999-01-01', '-Infinity', '\\x', '{}', '[]'), (4, 'Dan', 2.00, '2000-02-29', 123456789.123456789, '\\x41', '{x}', 'null');
create table orders (id int primary key, person int references people(id), amount numeric(10,2), at timestamp);
insert into orders values (10, 1, 5.50, '2020-01-01 10:00'), (11, 1, 7.25, '2020-01-02 10:00'), (12, 4, 100.00, null);
create table log (id serial primary key, what text);
create table hidden (v text);
insert into hidden values ('permanent');
"""

SCRIPTS = {
    "life": """
create temp table t (id int primary key, name text default 'none', at timestamp, n numeric(8,2), f float8, b bytea, a int[], j jsonb);
insert into t values (1, 'one', '2020-01-01 00:00:00.5', 1.50, 1e300, '\\x01ff', '{1,2}', '{"a": [1, 2]}'), (2, default, null, null, 'Infinity', '', '{}', 'null');
select * from t order by id;
insert into t (id) values (3) returning *;
update t set n = n * 2, name = upper(name) where id = 1 returning id, n, name;
delete from t where id = 2;
select count(*), sum(n), max(f) from t;
insert into t (id) values (3);
insert into t (id) values (4) on conflict (id) do nothing;
insert into t (id, name) values (4, 'x') on conflict (id) do update set name = excluded.name returning *;
select id, to_char(at, 'YYYY-MM-DD'), a[1], j->'a' from t order by id;
truncate t;
select * from t;
drop table t;
select * from t;
drop table if exists t;
create temporary table if not exists u (a int);
create temp table if not exists u (a int);
create local temp table u (a int);
create temp table pg_temp.v (a int);
create temp table public.w (a int);
create table x (a int) on commit drop;
drop table pg_temp.v, u;
""",
    "constraints": """
create temp table parent (id int primary key, code varchar(3) unique check (code <> 'bad'));
create temp table child (id serial primary key, parent int references parent (id) on delete cascade, x int generated always as (id * 2) stored);
insert into parent values (1, 'a'), (2, 'b');
insert into child (parent) values (1), (2), (2) returning *;
insert into child (parent) values (9);
insert into parent values (3, 'bad');
insert into parent values (3, 'a');
insert into parent values (3, 'long');
insert into parent values (null, 'c');
delete from parent where id = 2;
select * from child;
create temp table wrong (person int references people (id));
create table wrong (parent int references parent (id));
create temp table self (id int primary key, up int references self (id));
insert into self values (1, null), (2, 1);
insert into self values (3, 7);
create temp table ids (id int generated always as identity, v text);
insert into ids (v) values ('a'), ('b') returning id;
insert into ids (id, v) values (9, 'c');
select * from ids;
""",
    "change": """
create temp table t (a int, b text);
insert into t values (1, 'x'), (2, 'y');
alter table t add column c int default 7;
alter table t add constraint positive check (a > 0);
insert into t values (-1, 'z');
alter table t rename column b to bb;
alter table t alter column a type bigint;
create index t_bb on t (bb);
create unique index on t (a);
insert into t values (1, 'again');
alter table t drop column c;
alter table t rename to s;
select * from s order by a;
\\d s
drop index t_bb;
comment on table s is 'mine';
comment on column s.a is 'number';
\\d+ s
alter table s alter column bb set not null;
insert into s values (5, null);
""",
    "shown": """
create temp table t (id serial primary key, name varchar(10) not null default 'n', at timestamptz, check (id > 0));
create temp table k (t int references t (id));
\\d t
\\d k
\\d pg_temp.k
\\dt [tk]
\\dt pg_temp*.*
select table_name, table_type from information_schema.tables where table_name in ('t', 'k', 'people') order by 1;
select relname, relpersistence, relkind from pg_class where relname in ('t', 'k', 'people', 't_id_seq', 't_pkey') order by 1;
select to_regclass('t') is not null, to_regclass('pg_temp.t') is not null, to_regclass('public.t'), 't'::regclass;
select pg_table_is_visible('t'::regclass), pg_my_temp_schema() = (select relnamespace from pg_class where oid = 't'::regclass);
select current_schema(), current_schemas(false), cardinality(current_schemas(true));
select nspname ~ '^pg_temp_' from pg_namespace where oid = pg_my_temp_schema();
select column_name, data_type, column_default from information_schema.columns where table_name = 't' order by ordinal_position;
""",
    "hides": """
prepare q as select * from hidden;
execute q;
create temp table hidden (v text);
insert into hidden values ('temporary');
execute q;
select * from hidden;
select * from public.hidden;
drop table hidden;
execute q;
select * from hidden;
create temp table pg_class (x int);
select * from pg_class;
drop table pg_temp.pg_class;
""",
    "transactions": """
begin;
create temp table t (a int);
insert into t values (1);
savepoint one;
insert into t values (2);
savepoint two;
insert into t values (3);
alter table t add column b int default 5;
select * from t order by a;
rollback to two;
select * from t order by a;
release one;
insert into t values (4);
commit;
select * from t order by a;
begin;
insert into t values (5);
rollback;
begin;
insert into t values (6);
select 1/0;
select * from t;
commit;
select * from t order by a;
begin;
savepoint s;
insert into t values (7);
insert into nowhere values (1);
rollback to s;
insert into t values (8);
commit;
select * from t order by a;
begin;
drop table t;
select * from t;
rollback;
select count(*) from t;
insert into t values (9) \\; select 1/0;
select count(*) from t;
insert into t values (10) \\; insert into log (what) values ('both') \\; insert into t values (11);
select count(*) from t;
insert into t values (12) \\; insert into log (id, what) values (1, 'twice');
select count(*) from t;
begin;
insert into log (what) values ('block');
insert into t values (13);
savepoint x;
insert into log (id, what) values (1, 'twice');
rollback to x;
insert into t values (14);
commit;
select a from t order by a;
select what from log order by id;
begin read only;
insert into t values (15);
create temp table no (a int);
rollback;
select a from t order by a;
""",
    "on_commit": """
create temp table keeps (a int) on commit preserve rows;
create temp table forgets (a int) on commit delete rows;
begin;
create temp table goes (a serial primary key, b text unique) on commit drop;
insert into keeps values (1);
insert into forgets values (1);
insert into goes (b) values ('x');
select (select count(*) from keeps), (select count(*) from forgets), (select count(*) from goes);
commit;
select (select count(*) from keeps), (select count(*) from forgets);
select * from goes;
insert into forgets values (2);
select * from forgets;
create temp table goes (a text);
insert into goes values ('text');
select * from goes;
\\d goes
begin;
create temp table made on commit drop as select 1 as one;
select * from made;
commit;
select * from made;
""",
    "made_of": """
create temp table tall as select id, name, height, born, weight, photo, tags, extra from people where height > 1.7 or height is null;
select * from tall order by id;
\\d tall
create temp table counts (person, n, total) as select person, count(*), sum(amount) from orders group by person;
select * from counts order by person;
select name, upper(name) as loud into temp loud from people where id < 3;
select * from loud order by 1;
create temp table nothing as select * from people with no data;
select count(*) from nothing;
create temp table consts as select 1 as i, 'x' as t, 1.5 as n, null as z, now() is not null as b;
select * from consts;
\\d consts
create temp table series as select g, g * g as square from generate_series(1, 1000) g;
select count(*), sum(square) from series;
create temp table again as select * from series where g < 3;
select * from again order by g;
create temp table copy (like people including all);
insert into copy select * from people;
select id, name, height from copy order by id;
insert into copy (id, name) select id + 100, name from people order by id desc limit 2 returning id, name;
insert into copy (id, name, born) select 500 + id, 'd', '2001-02-03' from orders where person = 4;
select id, born from copy where id > 400 order by 1;
insert into copy select * from people;
insert into copy select * from people on conflict (id) do update set name = excluded.name || '!';
select name from copy where id < 4 order by id;
create temp table tall as select 1;
create temp table if not exists tall as select 1;
create temp table bad as select * from nowhere;
create temp table dated as select at::date as day, amount from orders;
select * from dated order by 1, 2;
""",
    "joined": """
create temp table wanted (id int primary key, note text, f float8, b bytea, n numeric(6,2), big bigint, d date, l text);
insert into wanted values (1, 'first', 0.1, '\\x00ff', 1.25, 9007199254740993, '2020-02-29', e'quote'' and "\\\\'), (4, 'fourth', '-Infinity', '', null, -9223372036854775808, null, ''), (9, null, 'NaN', null, 99.99, 1, 'infinity', 'nobody');
select p.name, w.* from people p join wanted w using (id) order by p.id;
select w.id, p.name from wanted w left join people p on p.id = w.id order by 1;
select count(*) from people where id in (select id from wanted);
select name from people p where not exists (select 1 from wanted w where w.id = p.id) order by 1;
select w.note, sum(o.amount) from orders o join wanted w on w.id = o.person group by w.note order by 1;
with x as (select * from wanted where id < 5) select p.name, x.n, x.n * p.height from x, people p where p.id = x.id order by 1;
select * from (select id, note from wanted union all select id, name from people) u order by 1, 2;
insert into log (what) select note from wanted where note is not null order by id;
select what from log order by id;
update people set name = w.note from wanted w where w.id = people.id and w.note is not null;
select id, name from people order by id;
delete from orders using wanted w where w.id = orders.person and w.note = 'fourth' returning orders.id, w.note;
update people set height = (select n from wanted w where w.id = people.id) where id = 1 returning height;
begin;
insert into wanted values (2, 'second');
update people set name = w.note from wanted w where w.id = people.id;
select name from people p join wanted using (id) order by id;
rollback;
select name from people p join wanted using (id) order by id;
select p.name, w.note, to_char(w.d, 'DD Mon YYYY') from people p, wanted w where w.id = p.id and p.name ~ '^[a-z]+$' order by 1;
select w.id, c.relname from wanted w join pg_class c on c.relname = w.note;
create table kept as select 1 as one;
drop table kept;
""",
    "brought": """
create temp table t (id int primary key, name text, height numeric(5,2), weight float8, photo bytea, born date, n int default 0);
insert into t (id) values (1), (2), (3), (9);
update t set name = p.name, height = p.height, weight = p.weight, photo = p.photo, born = p.born from people p where p.id = t.id returning t.*;
update t set n = (select count(*) from orders o where o.person = t.id);
select * from t order by id;
delete from t where id in (select person from orders);
delete from t using people p where p.id = t.id and p.name = 'Bob' returning t.id, p.name;
insert into t (id, name) values (20, (select max(name) from people)) returning id, name;
with o as (select person, sum(amount) as total from orders where person = 1 group by person) insert into t (id, height) select 30 + person, total from o returning id, height;
update t set name = name || (select count(*) from people where people.id > t.id) where name is not null;
select id, name, height from t order by id;
insert into t (id, name) select id, name from people on conflict (id) do update set name = excluded.name || '!';
begin;
update people set name = 'changed' where id = 3;
update t set name = p.name from people p where p.id = t.id;
select id, name from t order by id;
rollback;
select id, name from t order by id;
""",
    "copied": """
create temp table t (id int primary key, v text, n numeric(5,2));
copy t from stdin;
1\tone\t1.50
2\t\\N\t\\N
\\.
copy t to stdout;
copy (select v, n from t order by id) to stdout with csv header;
copy t from stdin;
1\tagain\t0
\\.
copy t (id, v) from stdin with csv;
3,"x,y"
\\.
select * from t order by id;
""",
    "counted": """
create temp table t (id serial, v text);
insert into t (v) values ('a'), ('b');
select currval('t_id_seq'), lastval();
select nextval('t_id_seq');
select currval('t_id_seq');
create temp table k (id serial primary key, v text);
copy k (v) from stdin;
copied
\\.
select currval('k_id_seq'), * from k;
select setval('t_id_seq', 100);
insert into t (v) values ('c') returning id;
create temp sequence s start 5 increment 5;
select nextval('s'), nextval('s');
select last_value, is_called from s;
insert into t (id, v) values (nextval('s'), 'd');
select * from t order by id;
drop sequence s;
select nextval('s');
alter sequence t_id_seq restart with 7;
insert into t (v) values ('e') returning id;
""",
    "cursors": """
create temp table t (a int);
insert into t select g from generate_series(1, 10) g;
begin;
declare c scroll cursor for select * from t order by a;
fetch 2 from c;
fetch backward 1 from c;
fetch last from c;
close c;
declare both cursor with hold for select t.a, p.name from t join people p on p.id = t.a order by 1;
commit;
fetch all from both;
prepare p (int) as select count(*) from t where a < $1;
execute p (5);
insert into t values (0);
execute p (5);
discard temp;
execute p (5);
select * from t;
create temp table t (a int);
discard all;
select * from t;
""",
}


CLEAN = "drop table if exists orders, people, log, hidden, kept, x, wrong, t, u, parent, child, self cascade;"


def answers(server, script):
    """What psql shows of the script, in a session of its own, with errors where they come."""
    done = subprocess.run([tool("psql"), "-X", "-a", "-v", "VERBOSITY=sqlstate", "-P", "null=NULL"], input=script, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=100, env={**os.environ, **server.client_env(), "PAGER": "cat"})
    return re.sub(r"pg_temp_\d+", "pg_temp_N", done.stdout)


@pytest.fixture(scope="module", params=["embedded", "workerd", "rest"])
def server(request):
    with Pgd1(request.param) as started:
        yield started


@pytest.mark.parametrize("name", SCRIPTS)
def test_as_postgresql(server, oracle, name):
    for one in (server, oracle):
        one.psql("-q", text=CLEAN + SETUP)
    assert answers(server, SCRIPTS[name]) == answers(oracle, SCRIPTS[name])


# What PostgreSQL can do with them and pgd1 cannot: each says so, and nothing has happened.
REFUSED = [
    ("create temp view v as select 1", "a temporary view is not supported"),
    ("create view v as select * from t", 'a view, or CREATE TABLE AS, of temporary table "t" is not supported'),
    ("create table kept as select * from t", 'a view, or CREATE TABLE AS, of temporary table "t" is not supported'),
    ("update t set v = p.name from people p join orders o on o.person = p.id where p.id = t.id", "along with permanent tables is not supported"),
    ("drop table t, log", "one statement for temporary and permanent tables is not supported"),
    ("drop schema pg_temp cascade", "a change of the temporary schema itself is not supported"),
    ("create temp table d (t int references t (id) deferrable initially deferred)", "a deferrable foreign key of a temporary table is not supported"),
    ("begin; discard temp", "DISCARD TEMP inside a transaction block is not supported"),
    ("insert into log (what) values ('x'); create temp table l as select * from log", "behind writes of the same implicit transaction is not supported"),
]


def test_what_is_refused(server):
    server.psql("-q", text=CLEAN + SETUP)
    with server.connect() as c:
        c.execute("create temp table t (id serial primary key, v text)")
        c.execute("insert into t (v) values ('a'), ('b')")
        for statement, words in REFUSED:
            with pytest.raises(psycopg.errors.FeatureNotSupported, match=re.escape(words)):
                c.execute(statement)
            c.execute("rollback")
            assert c.execute("select id, v from t order by id").fetchall() == [(1, "a"), (2, "b")], statement
            assert c.execute("select count(*) from log").fetchone() == (0,), statement


def test_a_session_of_its_own(server):
    """Nobody else sees them, and a plan made for one session's table is not another's."""
    server.psql("-q", text=CLEAN + SETUP)
    with server.connect() as one, server.connect() as two:
        one.execute("create temp table hidden (v text)")
        one.execute("insert into hidden values ('mine')")
        for _ in range(6):  # the driver prepares it after a few
            assert one.execute("select v from hidden where v <> %s", ("x",), prepare=True).fetchall() == [("mine",)]
            assert two.execute("select v from hidden where v <> %s", ("x",), prepare=True).fetchall() == [("permanent",)]
        two.execute("create temp table hidden (v text)")
        assert two.execute("select v from hidden where v <> %s", ("x",), prepare=True).fetchall() == []
        assert one.execute("select v from hidden where v <> %s", ("x",), prepare=True).fetchall() == [("mine",)]
    with server.connect() as three:
        assert three.execute("select v from hidden").fetchall() == [("permanent",)]
        assert three.execute("select count(*) from pg_class where relname = 'hidden'").fetchone() == (1,)


def test_no_round_trips(server):
    server.psql("-q", text=CLEAN + SETUP)
    with server.connect() as c:
        c.execute("create temp table t (id int primary key, v text)")
        trips = int(c.execute("show pgd1.round_trips").fetchone()[0])
        with c.transaction():
            for i in range(20):
                c.execute("insert into t values (%s, 'x')", (i,))
        assert c.execute("select count(*) from t").fetchone() == (20,)
        assert int(c.execute("show pgd1.round_trips").fetchone()[0]) == trips


def test_rows_go_as_they_were(server):
    """A statement that waits in a pipeline takes the rows of its own moment along, not those that come behind it."""
    server.psql("-q", text=CLEAN + SETUP)
    with server.connect() as c:
        c.execute("create temp table t (id int primary key, v text)")
        c.execute("insert into t values (1, 'A'), (2, 'B')")
        with c.pipeline():
            c.execute("insert into log (what) select v from t order by id")
            c.execute("insert into log (what) select v from t where v ~ '^[A-Z]$' order by id")
            c.execute("delete from t")
            c.execute("insert into t values (7, 'C')")
        assert c.execute("select what from log order by id").fetchall() == [("A",), ("B",), ("A",), ("B",)]
        assert c.execute("select id, v from t").fetchall() == [(7, "C")]
        with pytest.raises(psycopg.errors.UniqueViolation), c.pipeline():
            c.execute("insert into t values (8, 'D')")
            c.execute("insert into people (id, name) values (1, 'twice')")
            c.execute("insert into t values (9, 'E')")
        assert c.execute("select id from t").fetchall() == [(7,)]


def test_a_commit_that_fails(server):
    """What a block did here stays only when D1 has taken its part."""
    server.psql("-q", text=CLEAN + SETUP)
    with server.connect() as one, server.connect() as two:
        one.execute("set pgd1.row_locks = off")
        one.execute("begin")
        one.execute("create temp table t (v numeric)")
        one.execute("insert into t select height from people where id = 1")
        one.execute("update people set height = height + 1 where id = 1 returning height")
        two.execute("set pgd1.row_locks = off")
        two.execute("update people set height = 3 where id = 1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            one.execute("commit")
        assert one.execute("select to_regclass('t'), height from people where id = 1").fetchone() == (None, 3)


def test_full(oracle):
    with Pgd1("embedded", settings={"temporary_max_bytes": "1MB"}) as small, small.connect() as c:
        c.execute("create temp table t (v text)")
        c.execute("insert into t values ('kept')")
        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="temporary tables of this session exceed 1048576 bytes"):
            c.execute("insert into t select repeat('x', 1000) from generate_series(1, 5000)")
        assert c.execute("select v from t").fetchall() == [("kept",)]
        with pytest.raises(psycopg.errors.ProgramLimitExceeded), c.transaction():
            c.execute("insert into t values ('lost')")
            c.execute("create temp table u as select repeat('x', 1000) as v from generate_series(1, 5000)")
        assert c.execute("select v from t").fetchall() == [("kept",)]
        assert c.execute("select to_regclass('u')").fetchone() == (None,)
