-- Customers by recency, frequency and money: each in four groups, 4 is best.
with customers as (
  select
    customer_id,
    datediff('day', max(order_date), (select max(order_date) from silver.orders)) as days_since,
    count(*)                                                                as orders,
    sum(order_amount)                                                       as money
  from silver.orders
  where order_status = 'completed'
  group by all
),
scored as (
  select
    *,
    ntile(4) over (order by days_since desc, customer_id)                   as recency,
    ntile(4) over (order by orders, customer_id)                            as frequency,
    ntile(4) over (order by money, customer_id)                             as monetary
  from customers
)
select
  case
    when recency = 4 and frequency = 4 and monetary = 4 then 'best'
    when recency >= 3 and frequency >= 3 then 'loyal'
    when recency >= 3 then 'new or rare'
    when frequency >= 3 then 'at risk'
    else 'lost'
  end                                                                       as segment,
  count(*)                                                                  as customers,
  round(avg(days_since), 1)                                                 as days_since,
  round(avg(orders), 2)                                                     as orders,
  round(sum(money), 2)                                                      as money
from scored
group by all
order by money desc
