/*
description: |
  Units that a product sells in a store in a promoted week, against its other weeks, by department.
  Only products that a store sold at all count, and every week counts, also one without a sale.
load: replace
columns:
  promoted_weeks: {description: "Product-store-weeks with a display or a mailer."}
  lift: {description: "Units of a promoted week divided by units of another week."}
*/
with sold as (
  select product_id, store_id, week, sum(quantity) as units
  from silver.transactions
  group by product_id, store_id, week
),
carried as (
  select product_id, store_id, sum(units) as units from sold group by product_id, store_id
),
promoted as (
  select distinct m.product_id, m.store_id, m.week
  from silver.promotions as m
  join carried as c on c.product_id = m.product_id and c.store_id = m.store_id
),
promoted_sales as (
  select
    m.product_id,
    m.store_id,
    count(*)                                   as weeks,
    sum(coalesce(s.units, 0))                  as units
  from promoted as m
  left join sold as s
    on s.product_id = m.product_id and s.store_id = m.store_id and s.week = m.week
  group by m.product_id, m.store_id
),
span as (
  select count(distinct week) as weeks from sold
),
compared as (
  select
    c.product_id,
    p.weeks                                    as promoted_weeks,
    p.units                                    as promoted_units,
    w.weeks - p.weeks                          as other_weeks,
    c.units - p.units                          as other_units
  from carried as c
  join promoted_sales as p on p.product_id = c.product_id and p.store_id = c.store_id
  cross join span as w
),
departments as (
  select
    coalesce(d.department, 'UNKNOWN')          as department,
    cast(sum(c.promoted_weeks) as bigint)      as promoted_weeks,
    cast(sum(c.promoted_units) as bigint)      as promoted_units,
    cast(sum(c.other_weeks) as bigint)         as other_weeks,
    cast(sum(c.other_units) as bigint)         as other_units
  from compared as c
  left join silver.products as d on d.product_id = c.product_id
  group by coalesce(d.department, 'UNKNOWN')
)
select
  *,
  cast(promoted_units as double) / promoted_weeks as units_a_promoted_week,
  cast(other_units as double) / nullif(other_weeks, 0) as units_another_week,
  cast(promoted_units as double) / promoted_weeks
    / nullif(cast(other_units as double) / nullif(other_weeks, 0), 0) as lift
from departments
