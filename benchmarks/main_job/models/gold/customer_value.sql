select
  customer_id,
  count(*)          as orders,
  sum(order_amount) as lifetime_value,
  max(created_at)   as last_order_at
from silver.orders
where order_status <> 'cancelled'
group by customer_id
