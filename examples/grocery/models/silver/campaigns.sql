/*
description: One row per household that received a campaign.
load: merge
key: [campaign_id, household_id]
quality: |
  Rules = [ IsPrimaryKey "campaign_id" "household_id" ]
on_violation: quarantine
*/
select
  try_cast(c.campaign_id as integer)           as campaign_id,
  try_cast(c.household_id as bigint)           as household_id,
  d.campaign_type,
  try_cast(d.start_date as date)               as start_date,
  try_cast(d.end_date as date)                 as end_date
from bronze.campaigns as c
left join bronze.campaign_descriptions as d on d.campaign_id = try_cast(c.campaign_id as integer)
