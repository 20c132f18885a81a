/*
description: One row per order, typed, cleaned, latest version of each.
load: merge
key: [order_id]
latest_by: updated_at
partition_by: [year, month]
quality: |
  Rules = [
    IsPrimaryKey "order_id",
    IsComplete "customer_id",
    IsComplete "order_amount",
    IsComplete "created_at",
    ColumnValues "order_amount" > 0,
    ColumnValues "order_status" in ["pending", "completed", "cancelled", "returned"]
  ]
on_violation: quarantine
columns:
  customer_email: {description: "Lower-cased and trimmed.", tags: {pii: email}}
  order_amount: {description: "What the customer owes after discounts and corrections."}
  ship_street: {tags: {pii: address}}
  ship_city: {declassify: {pii: "a city without a street leads to nobody"}}
  ship_state: {declassify: {pii: "a state leads to nobody"}}
  ship_zip: {description: "Text; leading zeros matter.", tags: {pii: address}}
*/
select
  order_id,
  customer_id,
  lower(trim(customer_email))                as customer_email,
  lower(trim(order_status))                  as order_status,
  try_cast(order_amount as decimal(12, 2))   as order_amount,
  currency,
  channel,
  try_cast(created_at as timestamptz)        as created_at,
  try_cast(updated_at as timestamptz)        as updated_at,
  try_cast(try_cast(created_at as timestamptz) as date) as order_date,
  shipping_address.street                    as ship_street,
  shipping_address.city                      as ship_city,
  shipping_address.state                     as ship_state,
  shipping_address.zip                       as ship_zip,
  cast(array_length(items) as integer)       as line_count,
  cast(year(try_cast(created_at as timestamptz)) as integer)  as year,
  cast(month(try_cast(created_at as timestamptz)) as integer) as month
from bronze.orders
