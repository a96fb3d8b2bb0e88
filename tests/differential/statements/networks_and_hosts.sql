-- a cidr of all bits is the same address as the inet, which has no length in its text
create table i (c cidr, i inet);
insert into i values ('10.1.2.3/32','10.1.2.3'),('::1/128','::1'),('10.0.0.0/8','10.0.0.0/8'),('2001:db8::/32','2001:db8::/32');
select c, i, c=i, c<i, c::inet, c::inet::text,c::text, text(c), host(c), i::cidr from i;
select * from i where c = i;
select count(*) from i a join i b on a.c=b.i;
select c from i union select i from i order by 1;
select coalesce(c,i), greatest(c,i), array[c,i] from i where i='::1';
select distinct x from (select c::inet as x from i union all select i from i) s order by 1;
select c in ('10.1.2.3','::1'), i in ('10.1.2.3/32'), c = any(array['10.1.2.3','::1/128']::inet[]) from i;
select * from i where c='10.1.2.3';
select * from i where c = inet '::1' order by c;
create view vi as select c::inet as x from i;
select * from vi order by x;
create table j (i inet primary key);
insert into j select c from i;
select * from j order by 1;
insert into j values ('::1');
select (select c from i order by c limit 1)::inet, count(*) from i where (c || '')::cidr::inet = i;
