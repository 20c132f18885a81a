-- Households by recency, frequency and money: each in four groups, 4 is best.
with households as (
  select
    household_id,
    datediff('day', max(sold_at), (select max(sold_at) from silver.transactions)) as days_since,
    count(distinct basket_id)                                             as baskets,
    sum(sales_value)                                                      as money
  from silver.transactions
  group by all
),
scored as (
  select
    *,
    ntile(4) over (order by days_since desc, household_id)                as recency,
    ntile(4) over (order by baskets, household_id)                        as frequency,
    ntile(4) over (order by money, household_id)                          as monetary
  from households
)
select
  recency + frequency + monetary                                          as score,
  count(*)                                                                as households,
  round(avg(baskets), 1)                                                  as baskets,
  sum(money)                                                              as money
from scored
group by all
order by score desc
