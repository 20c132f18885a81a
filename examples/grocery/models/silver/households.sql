/*
description: What is known of a household.
load: merge
key: [household_id]
quality: |
  Rules = [ IsPrimaryKey "household_id", RowCount > 0 ]
on_violation: quarantine
columns:
  household_id: {tags: {pii: identifier}}
*/
select
  try_cast(household_id as bigint)             as household_id,
  age,
  income,
  home_ownership,
  marital_status,
  household_size,
  household_comp,
  kids_count
from bronze.demographics
