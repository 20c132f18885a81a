/*
description: One row per receipt line. A line arrives once and none is dropped, free goods included.
load: append
quality: |
  Rules = [
    IsComplete "household_id",
    IsComplete "basket_id",
    IsComplete "product_id",
    IsComplete "sold_at",
    ColumnValues "sales_value" >= 0,
    ColumnValues "quantity" >= 0
  ]
on_violation: quarantine
columns:
  household_id: {description: "The loyalty card.", tags: {pii: identifier}}
  sales_value: {description: "What the shop received for the line; 0 for free goods."}
*/
select
  cast(household_id as bigint)                 as household_id,
  cast(store_id as bigint)                     as store_id,
  cast(basket_id as bigint)                    as basket_id,
  cast(product_id as bigint)                   as product_id,
  cast(quantity as bigint)                     as quantity,
  try_cast(sales_value as decimal(10, 2))      as sales_value,
  try_cast(retail_disc as decimal(10, 2))      as retail_disc,
  try_cast(coupon_disc as decimal(10, 2))      as coupon_disc,
  try_cast(coupon_match_disc as decimal(10, 2)) as coupon_match_disc,
  cast(week as integer)                        as week,
  try_cast(transaction_timestamp as timestamptz) as sold_at
from bronze.transactions
