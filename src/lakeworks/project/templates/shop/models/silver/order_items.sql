/*
description: One row per line of an order.
load: merge
key: [order_id, line_no]
latest_by: created_at
quality: |
  Rules = [
    IsPrimaryKey "order_id" "line_no",
    IsComplete "product_id",
    IsComplete "quantity",
    ColumnValues "quantity" > 0,
    ColumnValues "unit_price" > 0
  ]
on_violation: quarantine
columns:
  line_amount: {description: "Quantity times unit price, before discounts of the whole order."}
*/
select
  order_id,
  try_cast(line_no as integer)                as line_no,
  product_id,
  try_cast(quantity as integer)               as quantity,
  try_cast(unit_price as decimal(12, 2))      as unit_price,
  cast(try_cast(quantity as integer) * try_cast(unit_price as decimal(12, 2)) as decimal(14, 2))
                                              as line_amount,
  try_cast(created_at as timestamptz)         as created_at
from bronze.order_items
