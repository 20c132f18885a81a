/*
description: One row per sensor and reading; what is no temperature is in quarantine.
load: merge
key: [sensor_id, reading_time]
latest_by: reading_time
quality: |
  Rules = [
    IsPrimaryKey "sensor_id" "reading_time",
    IsComplete "temperature_c",
    ColumnValues "temperature_c" between -60 and 80
  ]
on_violation: quarantine
*/
select
  sensor_id,
  zone,
  try_cast(reading_time as timestamptz)    as reading_time,
  try_cast(temperature_c as double)        as temperature_c,
  try_cast(humidity_pct as double)         as humidity_pct,
  try_cast(battery_v as double)            as battery_v
from bronze.sensor_readings
