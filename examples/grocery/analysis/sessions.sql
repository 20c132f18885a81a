-- Trips: a household's baskets with less than two hours between them are one trip to the shops.
with baskets as (
  select household_id, basket_id, min(sold_at) as sold_at, sum(sales_value) as sales
  from silver.transactions
  group by all
),
gaps as (
  select
    *,
    sold_at - lag(sold_at) over (partition by household_id order by sold_at, basket_id) as gap
  from baskets
),
trips as (
  select
    *,
    count(*) filter (gap is null or gap > interval 2 hours) over (
      partition by household_id order by sold_at, basket_id
    )                                                                     as trip
  from gaps
),
summed as (
  select household_id, trip, count(*) as baskets, sum(sales) as sales from trips group by all
)
select
  least(baskets, 4)                                                       as baskets_in_trip,
  count(*)                                                                as trips,
  round(avg(sales), 2)                                                    as sales_a_trip
from summed
group by all
order by baskets_in_trip
