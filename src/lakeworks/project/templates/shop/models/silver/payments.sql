/*
description: One row per try to pay.
load: merge
key: [payment_id]
latest_by: paid_at
quality: |
  Rules = [
    IsPrimaryKey "payment_id",
    IsComplete "amount",
    ColumnValues "order_id" matches "O[0-9]{10,}",
    ColumnValues "status" in ["captured", "failed"]
  ]
on_violation: quarantine
*/
select
  payment_id,
  order_id,
  method,
  try_cast(amount as decimal(12, 2))       as amount,
  currency,
  status,
  try_cast(paid_at as timestamptz)         as paid_at
from bronze.payments
