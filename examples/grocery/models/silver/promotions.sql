/*
description: One row per product, store, week and kind of promotion.
load: append
quality: |
  Rules = [
    IsComplete "product_id",
    ColumnValues "week" between 0 and 54
  ]
on_violation: quarantine
columns:
  display_location: {description: "0: not on display."}
  mailer_location: {description: "0: not in the mailer."}
*/
select
  product_id,
  store_id,
  cast(week as integer)                        as week,
  display_location,
  mailer_location
from bronze.promotions
