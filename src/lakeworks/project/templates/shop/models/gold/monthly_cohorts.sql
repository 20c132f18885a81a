/*
description: Customers by the month of their first completed order, and how many came back.
load: replace
columns:
  months_since: {description: "0 in the cohort's own month."}
  retention: {description: "Share of the cohort that ordered in this month."}
*/
with active as (
  select
    customer_id,
    cast(date_trunc('month', order_date) as date) as month,
    cast(sum(order_amount) as decimal(18, 2))     as revenue
  from silver.orders
  where order_status = 'completed'
  group by customer_id, cast(date_trunc('month', order_date) as date)
),
cohorts as (
  select customer_id, min(month) as cohort_month from active group by customer_id
),
sizes as (
  select cohort_month, count(*) as cohort_size from cohorts group by cohort_month
),
retained as (
  select
    c.cohort_month,
    a.month,
    count(*)                                      as customers,
    cast(sum(a.revenue) as decimal(18, 2))        as revenue
  from active as a
  join cohorts as c on c.customer_id = a.customer_id
  group by c.cohort_month, a.month
)
select
  r.cohort_month,
  cast(date_diff('month', r.cohort_month, r.month) as integer) as months_since,
  s.cohort_size,
  r.customers,
  cast(r.customers as double) / s.cohort_size     as retention,
  r.revenue
from retained as r
join sizes as s on s.cohort_month = r.cohort_month
