/*
description: Each sensor's day, with how far it strayed from its zone.
load: replace
*/
with daily as (
  select
    cast(reading_time as date)              as day,
    sensor_id,
    zone,
    count(*)                                as readings,
    avg(temperature_c)                      as average_c,
    min(temperature_c)                      as lowest_c,
    max(temperature_c)                      as highest_c,
    min(battery_v)                          as battery_v
  from silver.sensor_readings
  group by cast(reading_time as date), sensor_id, zone
)
select
  *,
  average_c - avg(average_c) over (partition by day, zone) as off_zone_c
from daily
