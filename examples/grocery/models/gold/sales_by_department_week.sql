/*
description: Sales, discounts and shoppers by department and week; its sum is the sum of all receipts.
load: replace
*/
select
  t.week,
  coalesce(p.department, 'UNKNOWN')            as department,
  count(distinct t.basket_id)                  as baskets,
  count(distinct t.household_id)               as households,
  count(*)                                     as lines,
  cast(sum(t.quantity) as bigint)              as units,
  cast(sum(t.sales_value) as decimal(18, 2))   as sales,
  cast(sum(t.retail_disc + t.coupon_disc + t.coupon_match_disc) as decimal(18, 2)) as discounts
from silver.transactions as t
left join silver.products as p on p.product_id = t.product_id
group by t.week, coalesce(p.department, 'UNKNOWN')
