/*
description: Completed orders and revenue by day without gaps, smoothed, and how unusual each day was.
load: replace
columns:
  revenue_7d: {description: "Average of this day and the six before it."}
  revenue_30d: {description: "Average of this day and the 29 before it."}
  z_score: {description: "Distance from the 30-day average in standard deviations; null at first."}
*/
with daily as (
  select
    order_date,
    count(*)                                as orders,
    cast(sum(order_amount) as decimal(18, 2)) as revenue
  from silver.orders
  where order_status = 'completed'
  group by order_date
),
bounds as (
  select min(order_date) as first_day, max(order_date) as last_day from daily
),
days as (
  select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day
  from bounds
),
filled as (
  select
    d.day,
    coalesce(s.orders, 0)                   as orders,
    coalesce(s.revenue, 0)                  as revenue
  from days as d
  left join daily as s on s.order_date = d.day
),
smoothed as (
  select
    day,
    orders,
    revenue,
    avg(cast(revenue as double)) over (order by day rows between 6 preceding and current row) as revenue_7d,
    avg(cast(revenue as double)) over (order by day rows between 29 preceding and current row) as revenue_30d,
    stddev_samp(cast(revenue as double)) over (
      order by day rows between 29 preceding and current row
    )                                       as deviation_30d
  from filled
)
select
  day,
  orders,
  revenue,
  revenue_7d,
  revenue_30d,
  (cast(revenue as double) - revenue_30d) / nullif(deviation_30d, 0) as z_score
from smoothed
