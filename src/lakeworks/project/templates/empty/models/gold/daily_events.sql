/*
description: Events, visitors and revenue of each day.
*/
select
  cast(happened_at as date) as day,
  count(*) as events,
  count(distinct visitor) as visitors,
  sum(amount) as revenue
from silver.events
group by day
