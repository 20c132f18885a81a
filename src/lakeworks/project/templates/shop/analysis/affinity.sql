-- Which categories are bought together more often than by chance?
with baskets as (
  select distinct i.order_id, p.category
  from silver.order_items i
  join silver.orders o using (order_id)
  join silver.products p using (product_id)
  where o.order_status = 'completed'
),
single as (
  select category, count(*) as orders from baskets group by all
)
select
  a.category                                                              as first,
  b.category                                                              as second,
  count(*)                                                                as orders_together,
  round(count(*) / any_value(total.orders), 4)                            as support,
  round(count(*) * any_value(total.orders) / (any_value(one.orders) * any_value(two.orders)), 3) as lift
from baskets a
join baskets b on b.order_id = a.order_id and a.category < b.category
join single one on one.category = a.category
join single two on two.category = b.category
cross join (select count(distinct order_id) as orders from baskets) total
group by all
having count(*) >= 5
order by lift desc, first, second
