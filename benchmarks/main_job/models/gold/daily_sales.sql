select
  cast(created_at as date) as day,
  channel,
  count(*)                 as orders,
  sum(order_amount)        as revenue
from silver.orders
where order_status = 'completed'
group by all
