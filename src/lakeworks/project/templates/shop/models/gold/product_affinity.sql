/*
description: Products bought together in at least five completed orders, by support and lift.
load: replace
columns:
  support: {description: "Share of all completed orders that hold both products."}
  confidence: {description: "Share of the orders with the first product that hold the second."}
  lift: {description: "How much likelier they come together than by chance; 1 is chance."}
*/
with baskets as (
  select distinct i.order_id, i.product_id
  from silver.order_items as i
  join silver.orders as o on o.order_id = i.order_id
  where o.order_status = 'completed'
),
single as (
  select product_id, count(*) as orders from baskets group by product_id
),
total as (
  select count(distinct order_id) as orders from baskets
),
pairs as (
  select
    a.product_id                            as product_a,
    b.product_id                            as product_b,
    count(*)                                as orders_together
  from baskets as a
  join baskets as b on b.order_id = a.order_id and a.product_id < b.product_id
  group by a.product_id, b.product_id
  having count(*) >= 5
)
select
  p.product_a,
  p.product_b,
  p.orders_together,
  cast(p.orders_together as double) / t.orders as support,
  cast(p.orders_together as double) / a.orders as confidence,
  cast(p.orders_together as double) / b.orders as confidence_reverse,
  cast(p.orders_together as double) * t.orders / (cast(a.orders as double) * b.orders) as lift
from pairs as p
join single as a on a.product_id = p.product_a
join single as b on b.product_id = p.product_b
cross join total as t
