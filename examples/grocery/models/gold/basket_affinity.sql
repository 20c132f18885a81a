/*
description: Pairs of product categories in at least 100 baskets together, by support and lift.
load: replace
columns:
  support: {description: "Share of all baskets that hold both categories."}
  confidence: {description: "Share of the baskets with the first category that hold the second."}
  lift: {description: "How much likelier they come together than by chance; 1 is chance."}
*/
with baskets as (
  select distinct t.basket_id, p.category
  from silver.transactions as t
  join silver.products as p on p.product_id = t.product_id
  where p.category <> 'UNKNOWN'
),
single as (
  select category, count(*) as baskets from baskets group by category
),
total as (
  select count(distinct basket_id) as baskets from silver.transactions
),
pairs as (
  select
    a.category                                 as category_a,
    b.category                                 as category_b,
    count(*)                                   as baskets_together
  from baskets as a
  join baskets as b on b.basket_id = a.basket_id and a.category < b.category
  group by a.category, b.category
  having count(*) >= 100
)
select
  p.category_a,
  p.category_b,
  p.baskets_together,
  cast(p.baskets_together as double) / t.baskets as support,
  cast(p.baskets_together as double) / a.baskets as confidence,
  cast(p.baskets_together as double) * t.baskets / (cast(a.baskets as double) * b.baskets) as lift
from pairs as p
join single as a on a.category = p.category_a
join single as b on b.category = p.category_b
cross join total as t
