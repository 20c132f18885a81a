/*
description: One row per order, typed, cleaned, the latest version of each.
load: merge
key: [order_id]
latest_by: updated_at
partition_by: [year, month]
audit: true
quality: |
  Rules = [
    IsComplete "order_id",
    ColumnValues "order_amount" >= 0,
    ColumnValues "order_status" in ["pending", "completed", "cancelled", "returned"]
  ]
*/
select
  order_id,
  customer_id,
  lower(trim(customer_email))                          as customer_email,
  lower(trim(order_status))                            as order_status,
  try_cast(order_amount as decimal(12, 2))             as order_amount,
  currency,
  channel,
  try_cast(created_at as timestamptz)                  as created_at,
  try_cast(updated_at as timestamptz)                  as updated_at,
  shipping_address.city                                as city,
  shipping_address.country                             as country,
  len(items)                                           as item_count,
  extract(year from try_cast(created_at as timestamptz))  as year,
  extract(month from try_cast(created_at as timestamptz)) as month
from bronze.orders
