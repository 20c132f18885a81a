-- Visits: a visitor's events with less than half an hour between them. How long, and do they buy?
with gaps as (
  select
    coalesce(customer_id, session_id)                                      as visitor,
    event_time,
    event_type,
    event_time - lag(event_time) over (
      partition by coalesce(customer_id, session_id) order by event_time
    )                                                                      as gap
  from silver.web_events
),
visits as (
  select
    *,
    count(*) filter (gap is null or gap > interval 30 minutes) over (
      partition by visitor order by event_time, event_type
    )                                                                      as visit
  from gaps
),
summed as (
  select
    visitor,
    visit,
    min(event_time)                                                        as began_at,
    count(*)                                                               as events,
    datediff('second', min(event_time), max(event_time))                   as seconds,
    bool_or(event_type = 'purchase')                                       as bought
  from visits
  group by all
)
select
  began_at::date                                                           as day,
  count(*)                                                                 as visits,
  round(avg(events), 2)                                                    as events_a_visit,
  round(avg(seconds), 1)                                                   as seconds_a_visit,
  round(avg(bought::int), 4)                                               as share_that_buys
from summed
group by all
order by day
