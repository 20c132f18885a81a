/*
description: One row per coupon used.
load: append
quality: |
  Rules = [ IsComplete "household_id", IsComplete "redeemed_on" ]
on_violation: quarantine
*/
select
  cast(household_id as bigint)                 as household_id,
  cast(coupon_upc as bigint)                   as coupon_upc,
  cast(campaign_id as integer)                 as campaign_id,
  try_cast(redemption_date as date)            as redeemed_on
from bronze.coupon_redemptions
