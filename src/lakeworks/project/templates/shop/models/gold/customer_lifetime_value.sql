/*
description: What each customer has spent in completed orders, and how they rank.
load: replace
quality: |
  Rules = [ IsPrimaryKey "customer_id", ColumnValues "lifetime_value" > 0 ]
on_violation: fail
columns:
  segment: {description: "VIP over 10,000, High over 5,000, Medium over 1,000, else Low."}
  spend_percentile: {description: "Share of customers who spent less, from 0 to 1."}
*/
with spent as (
  select
    customer_id,
    count(*)                                as orders,
    cast(sum(order_amount) as decimal(18, 2)) as lifetime_value,
    min(order_date)                         as first_order_date,
    max(order_date)                         as last_order_date
  from silver.orders
  where order_status = 'completed'
  group by customer_id
)
select
  customer_id,
  orders,
  lifetime_value,
  cast(lifetime_value / orders as decimal(18, 2)) as average_order_value,
  first_order_date,
  last_order_date,
  date_diff('day', first_order_date, last_order_date) as active_days,
  case
    when lifetime_value > 10000 then 'VIP'
    when lifetime_value > 5000 then 'High'
    when lifetime_value > 1000 then 'Medium'
    else 'Low'
  end                                       as segment,
  percent_rank() over (order by lifetime_value) as spend_percentile
from spent
