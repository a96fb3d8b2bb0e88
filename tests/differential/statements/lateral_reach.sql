-- what LATERAL may not reach
create table x1 (a int, b int); create table y1 (c int, d int); insert into x1 values (1,1),(2,2); insert into y1 values (1,10),(2,20);
update x1 set b = c from lateral (select * from y1 where c = a) ss;
update x1 set b = c from lateral (select * from y1 where c = x1.a) ss;
update x1 set b = c from (select * from y1 where c = x1.a) ss;
update x1 set b = c from (select * from y1 where c = a) ss;
update x1 set b = g from generate_series(1, a) g;
update x1 set b = g from generate_series(1, x1.a) g;
delete from x1 using lateral (select * from y1 where c = a) ss;
delete from x1 using lateral (select * from y1 where c = x1.a) ss;
update x1 set b = d from y1 join y1 z on z.c = x1.a;
update x1 set b = d from y1 join y1 z on z.c = a;
merge into x1 using lateral (select * from y1 where c = x1.a) s on true when matched then do nothing;
update x1 as t set b = q.d from y1 p, lateral (select d from y1 where c = p.c) q where p.c = t.a; select * from x1 order by 1;
update x1 as t set b = (select s.m from (values (1)) v(i), lateral (select t.a + i as m) s); select * from x1 order by 1;
select * from x1 right join lateral (select * from y1 where c = a) s on true;
select * from x1 full join lateral (select * from y1 where c = a) s on true;
select * from x1 left join lateral (select * from y1 where c = a) s on true order by 1;
