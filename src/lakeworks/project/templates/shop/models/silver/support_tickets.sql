/*
description: One row per ticket, as it stands now.
load: merge
key: [ticket_id]
latest_by: updated_at
quality: |
  Rules = [
    IsPrimaryKey "ticket_id",
    IsComplete "customer_id",
    ColumnValues "status" in ["open", "resolved"]
  ]
on_violation: quarantine
columns:
  message_count: {declassify: {pii: "a count of messages, not what they say"}}
  satisfaction: {description: "0 to 100; null when nobody scored the ticket."}
*/
select
  ticket_id,
  customer_id,
  order_id,
  category,
  priority,
  status,
  try_cast(created_at as timestamptz)      as created_at,
  try_cast(resolved_at as timestamptz)     as resolved_at,
  try_cast(satisfaction as integer)        as satisfaction,
  cast(array_length(messages) as integer)  as message_count,
  try_cast(updated_at as timestamptz)      as updated_at
from bronze.support_tickets
