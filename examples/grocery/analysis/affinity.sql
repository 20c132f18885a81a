-- Departments that share baskets more often than by chance.
with baskets as (
  select distinct t.basket_id, p.department
  from silver.transactions t
  join silver.products p using (product_id)
),
single as (
  select department, count(*) as baskets from baskets group by all
)
select
  a.department                                                           as first,
  b.department                                                           as second,
  count(*)                                                               as baskets_together,
  round(count(*) * any_value(total.baskets) / (any_value(one.baskets) * any_value(two.baskets)), 3) as lift
from baskets a
join baskets b on b.basket_id = a.basket_id and a.department < b.department
join single one on one.department = a.department
join single two on two.department = b.department
cross join (select count(distinct basket_id) as baskets from baskets) total
group by all
having count(*) >= 500
order by lift desc, first, second
