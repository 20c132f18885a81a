/*
description: What each household is worth to the chain, with what is known of it.
load: replace
quality: |
  Rules = [
    IsPrimaryKey "household_id",
    ColumnValues "segment" in ["Top", "High", "Medium", "Low"]
  ]
on_violation: fail
columns:
  household_id: {tags: {pii: identifier}}
  segment: {description: "Top: the best tenth by sales; High: the next 30 %; Medium: the next 30 %; else Low."}
*/
with bought as (
  select
    household_id,
    count(distinct basket_id)                  as baskets,
    count(distinct week)                       as active_weeks,
    count(distinct store_id)                   as stores,
    cast(sum(sales_value) as decimal(18, 2))   as sales,
    cast(sum(retail_disc + coupon_disc + coupon_match_disc) as decimal(18, 2)) as discounts,
    cast(min(sold_at) as date)                 as first_visit,
    cast(max(sold_at) as date)                 as last_visit
  from silver.transactions
  group by household_id
),
redeemed as (
  select household_id, count(*) as coupons_redeemed
  from silver.coupon_redemptions
  group by household_id
),
reached as (
  select household_id, count(*) as campaigns from silver.campaigns group by household_id
),
ranked as (
  select *, percent_rank() over (order by sales desc) as from_top from bought
)
select
  b.household_id,
  b.baskets,
  b.active_weeks,
  b.stores,
  b.sales,
  b.discounts,
  cast(b.sales / b.baskets as decimal(18, 2))  as average_basket,
  b.first_visit,
  b.last_visit,
  coalesce(c.campaigns, 0)                     as campaigns,
  coalesce(r.coupons_redeemed, 0)              as coupons_redeemed,
  case
    when b.from_top < 0.1 then 'Top'
    when b.from_top < 0.4 then 'High'
    when b.from_top < 0.7 then 'Medium'
    else 'Low'
  end                                          as segment,
  h.age,
  h.income,
  h.household_size
from ranked as b
left join reached as c on c.household_id = b.household_id
left join redeemed as r on r.household_id = b.household_id
left join silver.households as h on h.household_id = b.household_id
