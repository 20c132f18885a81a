/*
description: Requests, errors and visitors of the web server by day.
load: partitions
partition_by: [month]
columns:
  month: {description: "The partition; a new log line recomputes only its month."}
*/
select
  cast(requested_at as date)                as day,
  strftime(requested_at, '%Y-%m')           as month,
  count(*)                                  as requests,
  count(distinct remote_host)               as visitors,
  sum(case when status >= 400 then 1 else 0 end) as errors,
  sum(response_bytes)                       as bytes_sent
from silver.access_log
group by cast(requested_at as date), strftime(requested_at, '%Y-%m')
