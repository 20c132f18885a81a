-- Revenue a day, and its average over the week up to then: days without orders count as nothing.
with days as (
  select unnest(generate_series(min(order_date), max(order_date), interval 1 day))::date as day
  from silver.orders
),
revenue as (
  select order_date as day, sum(order_amount) as revenue
  from silver.orders
  where order_status = 'completed'
  group by all
)
select
  day,
  coalesce(revenue, 0)                                                      as revenue,
  round(avg(coalesce(revenue, 0)) over (order by day rows 6 preceding), 2)  as average_7_days,
  round(avg(coalesce(revenue, 0)) over (order by day rows 27 preceding), 2) as average_28_days
from days
left join revenue using (day)
order by day
