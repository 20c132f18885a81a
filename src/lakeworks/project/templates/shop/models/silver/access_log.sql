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
  time                                      as requested_at,
  split_part(request, ' ', 1)               as method,
  split_part(request, ' ', 2)               as path,
  status,
  bytes                                     as response_bytes,
  nullif(referer, '-')                      as referer,
  user_agent,
  strftime(time, '%Y-%m')                   as month
from bronze.access_log
