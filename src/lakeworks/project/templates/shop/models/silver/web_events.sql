/*
description: One row per web event, duplicates removed.
load: merge
key: [event_id]
latest_by: received_at
quality: |
  Rules = [
    IsPrimaryKey "event_id",
    IsComplete "event_time",
    ColumnValues "event_type" in ["session_start", "page_view", "product_view", "add_to_cart", "purchase"]
  ]
on_violation: quarantine
columns:
  is_late: {description: "Received more than an hour after it happened."}
*/
select
  event_id,
  session_id,
  customer_id,
  event_type,
  product_id,
  order_id,
  device.type                              as device_type,
  device.browser                           as browser,
  source,
  try_cast(event_time as timestamptz)      as event_time,
  try_cast(received_at as timestamptz)     as received_at,
  try_cast(event_time as timestamptz) + interval 1 hour < try_cast(received_at as timestamptz)
                                           as is_late
from bronze.web_events
