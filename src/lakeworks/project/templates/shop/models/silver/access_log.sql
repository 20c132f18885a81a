/*
description: One row per request. Requests have no key, so none is dropped.
load: append
partition_by: [month]
quality: |
  Rules = [ IsComplete "requested_at", ColumnValues "status" between 99 and 600 ]
on_violation: quarantine
columns:
  remote_host: {tags: {pii: ip}}
*/
select
  host                                      as remote_host,
  try_cast(time as timestamptz)             as requested_at,
  method,
  path,
  try_cast(status as integer)               as status,
  try_cast(bytes as bigint)                 as response_bytes,
  referer,
  user_agent,
  strftime(try_cast(time as timestamptz), '%Y-%m') as month
from bronze.access_log
