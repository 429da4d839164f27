PIVOT input_0 ON k IN (1,2) USING sum(v)
PIVOT input_0 ON k IN (1,2) USING sum(v) AS q, count(*) GROUP BY s
select * from input_0 pivot (sum(v) for k in (1,2,3) group by s)
select * from (select k, v from input_0) pivot (sum(v) as x, max(v) as y for k in (1 as one,2 as two))
UNPIVOT (select k, w from input_1) ON k, w INTO NAME n VALUE val
UNPIVOT (select k, w from input_1) ON COLUMNS(*) INTO NAME n VALUE val
from (select k, w from input_1) unpivot (val for n in (k, w))
from (select k, w from input_1) unpivot include nulls (val for n in (k, w as ww))
select k, v, row_number() over (partition by k order by v) r from input_0 qualify r = 1
select sum(v) over (order by k rows between 1 preceding and current row) from input_0
select sum(v) over (order by k rows between 1 preceding and 2 following exclude current row) from input_0
select sum(v) over (order by d range between interval 3 days preceding and interval 1 day following) from input_0
select first_value(v ignore nulls) over (order by d groups between unbounded preceding and unbounded following exclude ties) from input_0
select k, d, sum(v) from input_0 group by grouping sets ((k), (d), ())
select k, d, grouping(k), sum(v) from input_0 group by rollup (k, d)
select k, s, sum(v) from input_0 group by cube (k, s)
select k, sum(v) from input_0 group by all
select k, sum(v) as t from input_0 group by all having t > 3
select list_transform(l, lambda x: x + 1) from input_0
select list_filter(l, lambda x, i: x > i) from input_0
select list_reduce(l, lambda x, y: x + y) from input_0
select [x * 2 for x in l if x % 2 = 0] from input_0
select COLUMNS(*) from input_1
select COLUMNS('k|w') from input_1
select min(COLUMNS(*)), max(COLUMNS('^w')) from input_1
select COLUMNS(lambda c: c like 'k%') from input_1
select COLUMNS(* EXCLUDE (ts)) + 1 from input_1
select * EXCLUDE (k) REPLACE (w + 1 AS w) RENAME (ts as tt) from input_1
select input_1.* EXCLUDE (k) from input_1
select input_0.* from input_0
select * like 'k%' from input_1
select {'a': 1, 'b': [1,2,3], 'c': {'d': 'x'}}
select map {'a': 1, 'b': 2}['a']
select row(1, 'a'), (1, 2)
select st.x, st['y'], (st).x, struct_extract(st, 'x') from input_0
select input_0.st.x from input_0
select l[1], l[1:2], l[-1], l[:1] from input_0
select * from input_1, lateral (select sum(v) sv from input_0 where input_0.k = input_1.k) x
select * from input_1 left join lateral (select sum(v) sv from input_0 where input_0.k = input_1.k) x on true
select * from input_0 asof join input_1 on input_0.k = input_1.k and input_0.ts >= input_1.ts
select * from input_0 asof left join input_1 using (k, ts)
select * from input_1 positional join (select w as w2 from input_1) c
select count(*) from input_0 tablesample reservoir(5 rows) repeatable (42)
values (1, 'a'), (2, 'b')
select * from (values (1, 'a'), (2, 'b')) t(x, y)
from input_0
from input_0 select k, v where k > 2
from input_1 limit 2
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r
with recursive r(n) as (select 1 union select n + 1 from r where n < 5) select * from r
with recursive tbl(a, b) using key (a) as (select 1, 3 union (select a + 1, b from tbl where a < 3)) select * from tbl
with x as materialized (select k from input_0), y as not materialized (select * from x) select * from y
select interval 1 day, interval '2' hour, interval (1 + 1) months, interval '1 day 2 hours'
select d + interval 1 day - interval (k) day from input_0
select v::int, cast(v as varchar), try_cast(s as int), s::varchar(10), 1::decimal(10,2) from input_0
select k is distinct from 1, k is not distinct from null from input_0
select s like 'x!_%' escape '!', s ilike 'X%', s not like 'a%', s similar to 'x.*', s glob 'x*', s not ilike 'q' from input_0
select s ~ 'x1', s !~ 'x1', s ~~ 'x%' from input_0
select 1.50, 123456789012345678901234567890, 1e10, 0.1, .5, 1_000, 0xFF, 170141183460469231731687303715884105727, 99999999999999999999999999999999999999999999
select -1, - 1, -(-1), +1, -9223372036854775808, 9223372036854775808
select "größe", "Mixed Case", "q""uote", '日本', 'it''s', E'a\nb', $$dollar 'q'$$ from (select 1 "größe", 2 "Mixed Case", 3 "q""uote")
select "select", "from" from (select 1 as "select", 2 as "from")
select * from range(5), generate_series(1, 3) g(x), unnest([1,2]) u(y)
select * from range(5) r
select unnest(l), unnest([1,2], recursive := true) from input_0
select unnest(st) from input_0
select k, v from input_0 order by all nulls last
select k, v from input_0 order by k desc nulls first, v asc nulls last, 1
select * from input_0 order by all desc
select k from input_0 limit 10%
select k from input_0 limit 10 offset 3
select k from input_0 order by k limit (select 2)
select k from input_0 offset 18
select count(*) filter (where k > 1), sum(distinct k) filter (where v > 1), count(distinct s) from input_0
select string_agg(s, ',' order by v desc), list(k order by v), array_agg(distinct k order by k) from input_0
select first(v order by k desc nulls last) from input_0
select quantile_cont(v, 0.5), percentile_cont(0.5) within group (order by v), mode() within group (order by k) from input_0
select distinct on (k) k, v from input_0 order by k, v
select distinct k from input_0
select ts at time zone 'Europe/Berlin' from input_0
select extract(year from d), extract('month' from d), date_part('day', d), date_trunc('month', ts) from input_0
select k = any(select w from input_1), k > all(select w from input_1), exists (select 1 from input_1 where input_1.k = input_0.k), not exists(select 1), k in (select k from input_1), k not in (1,2), (select max(w) from input_1) from input_0
select k = any([1,2]), 1 = any(l) from input_0
select k in l, 2 in (1, 2) from input_0
select k, v from input_0 union by name select w, k from input_1
select k, v from input_0 union all by name select w, k from input_1
select k from input_0 except select k from input_1 intersect select 1
(select k from input_0 order by k limit 1) union all (select k from input_1 order by k desc limit 1)
select k from input_0 except all select k from input_1
select k from input_0 union (select 2 union all select 2)
(select 1 union all select 1) union select 2
(((select 1)))
select case when k > 1 then 'a' when k = 0 then 'b' else 'c' end, case k when 1 then 2 end, if(k > 1, 1, 2), nullif(k, 1), coalesce(k, 2) from input_0
select k between 1 and 2, k not between 1 and 2, not k = 1, k is null, k notnull, (k > 1) is true, (k>1) is not false, (k>1) is unknown from input_0
select 1 + 2 * 3 - (4 - 5), 7 // 2, 7 / 2, 7 % 2, 2 ** 3, 2 ^ 3, 5 & 3, 5 | 3, 1 << 3, ~5, 5!, @ -3, 'a' || 'b'
select (1 + 2) * 3, 1 - (2 - 3), -(1 + 2), (1 = 1) = (2 = 2), not (true and false or true)
select position('a' in 'ba'), substring('hello' from 2 for 3), trim(both 'x' from 'xax'), overlay('abc' placing 'z' from 2)
select date '2024-01-01', timestamp '2024-01-01 00:00:00', timestamptz '2024-01-01 00:00:00+02', time '10:00', uuid '00000000-0000-0000-0000-000000000000', blob '\xAA'
select '\xAA'::blob, true, null
select s[1], s[1:2], 'abc'.upper(), s.upper().lower() from input_0
select l.list_transform(lambda x: x+1) from input_0
select k as "Key", v v2, k as 'quoted' from input_0 as "T" (k, v)
select t.k from input_0 t
select T.K from input_0 t
select k alias_then_use, alias_then_use + 1 from input_0
select x: 1, y: 2
select * from input_0 join input_1 using (k)
select * from input_0 natural join input_1
select * from input_0 full outer join input_1 on input_0.k = input_1.k
select * from input_0 semi join input_1 using (k)
select * from input_0 anti join input_1 on input_0.k = input_1.k
select * from input_0 cross join input_1
select * from input_0 right join input_1 on input_0.k = input_1.k and input_0.v > 1 where input_0.k is null
select input_0.k from (input_0 join input_1 on input_0.k = input_1.k) join input_1 c on c.k = input_0.k
select * from (input_0 join input_1 using (k)) as j
select max(v), arg_max(s, v), arg_max(s, v, 2), histogram(k) from input_0
select approx_quantile(v, 0.5) from input_0
select json_extract('{"a": 1}', '$.a'), '{"a": 1}'::json -> 'a', '{"a": 1}'::json ->> '$.a'
select ('{"a": {"b": 1}}'::json -> 'a') ->> 'b'
select * from input_1 where (k, w) in ((1, 10), (2, 20))
select * from input_1 where (k, w) = (1, 10)
select cast(1 as bit), '101'::bit, 'POINT'::varchar
select try(1/0), error('x') where false
select #1 from input_1
select input_1 from input_1
select count(), count(*), count(1) from input_1
select sum(k) over () from input_1
select row_number() over () from input_1
select nth_value(k, 2) over (order by k), ntile(2) over (order by k), rank() over (order by k desc nulls last), cume_dist() over (order by k) from input_1
select rank(order by w desc) over (order by k) from input_1
select array[1,2], array(select k from input_1), (select [k] from input_1 limit 1)
select 1 where 'a' in ('a', null)
select * from input_1 where k = 1 or k = 2 and w = 10 and not w = 3
select grouping_id(k), k from input_1 group by k
select k from input_1 group by 1 order by 1
select concat_ws(',', 'a', 'b'), strftime(ts, '%Y'), regexp_replace('a', 'b', 'c', 'g') from input_1
select * from (from input_1)
select * from (select * from input_1) t(x, y, z)
with t(x) as (select 1) select * from t
with t as (select 1 a) , u as (with t as (select 2 a) select * from t) select * from t, u
select 1 as a, 2 as a
select "k" from "input_1"
select k.v from (select {'v': 1} k)
select $$a$$, 'a\b', '%', E'\u00e9'
select union_value(a := 1)
select struct_pack(a := 1, b := 2), struct_insert({'a':1}, b := 2)
select max_by(k, w) from input_1
select ts + to_days(k) from input_1
select '2024-01-01'::date::timestamp::varchar
select - 2 ** 2, (-2) ** 2
select 1 - -1, 1 - (-1)
select input_0.k from input_0 where input_0.s in ('x1') and (input_0.k, input_0.v) is not null
select not exists (select 1 from input_1), not k in (1), not (k in (1)) from input_1
select (k+1)::varchar || 'a' from input_1
select coalesce(k,1)::varchar(3), k::decimal from input_1
select x.y.z.w from (select {'y': {'z': {'w': 1}}} as x)
select (select {'a': 1}).a
select struct_extract({'a b': 1}, 'a b'), ({'a b': 1})."a b", {'a b': 1}['a b']
select [1,2,3][k], [1,2,3][k+1:], l from (select 1 as k, [2] as l)
select l[1:3:2] from input_0
select l[:-:2] from input_0
select true and null, 'NaN'::double, 'inf'::double, -0.0
select 1e400, 1e-400, 1.5e3, 0.1e0
select 12345678901234567890.12345678901234567890
select 0b101, 0o17
select timestamp_ns '2024-01-01', 'a'::char, 'b'::bpchar, 1::int1, 1::long, 'x'::text
select 'a' is not null, 1 is not null
select * from input_1 where k is not distinct from 1
select extract(epoch from ts), epoch_ms(ts) from input_1
select sum(v) over (partition by k order by d rows unbounded preceding) from input_0
select sum(v) filter (where v>1) over (partition by k) from input_0
select count(distinct k) over (partition by s) from input_0
select list(distinct k order by k) over (order by d) from input_0
select unnest([1,2]) as x, k from input_1
select * from input_1, (values (1)) v(z)
select * from (values (1),(2))
with a1 as (values (1,2)) from a1
table input_1
select all k from input_1
select distinct k, w from input_1 order by w limit 2 offset 1
from input_1 select distinct k
select k from input_1 union all select k from input_1 order by k limit 3
with c as (from input_1) select * from c c1 join c c2 using (k)
select * from input_0 where k > (select avg(k) from input_1) and v in (select w from input_1)
select * from input_1 where w > some (select k from input_0)
select ifnull(k, 0), isnan(1.0), len('a') from input_1
select cast('2020-01-01' as timestamp with time zone), cast('10:00' as time with time zone), cast('1' as int)
select system.main.upper('a'), main.lower('b')
select 1 as "input_0.b", 2 as "a b"
select * replace (k+1 as k) from input_1
select * exclude k from input_1
select input_1.* replace (k+1 as k) from input_1
select * rename (k as kk) from input_1
select greatest(columns(*)) from input_1
select columns('(k)|(w)') as '\1_x' from input_1
select columns('(k)|(w)') as 'c_\0' from input_1
select columns([x for x in (*) if x like 'k%']) from input_1
select columns(input_1.*) from input_1
select * from input_1 as x(a1, a2)
select x.a1 from input_1 as x(a1, a2)
from input_1 as x select x.k as y, y + 1 as z where y > 1
select 1;
select /* c */ 1 -- d
