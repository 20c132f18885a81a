/*
description: One row per coupon, product and campaign; what was sent twice is kept once.
load: merge
key: [coupon_upc, product_id, campaign_id]
quality: |
  Rules = [ IsPrimaryKey "coupon_upc" "product_id" "campaign_id" ]
on_violation: quarantine
*/
select
  try_cast(coupon_upc as bigint)               as coupon_upc,
  try_cast(product_id as bigint)               as product_id,
  try_cast(campaign_id as integer)             as campaign_id
from bronze.coupons
