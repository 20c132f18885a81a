/*
description: One row per event, typed and trimmed, the latest version of each.
load: merge                          # append | merge | replace | partitions | scd2
key: [event_id]
latest_by: happened_at
quality: |
  Rules = [
    IsComplete "event_id",
    ColumnValues "kind" in ["visit", "purchase"]
  ]
on_violation: quarantine             # quarantine | fail | warn
*/
select
  event_id,
  cast(happened_at as timestamp) as happened_at,
  kind,
  lower(trim(visitor)) as visitor,
  try_cast(amount as decimal(10, 2)) as amount
from bronze.events
