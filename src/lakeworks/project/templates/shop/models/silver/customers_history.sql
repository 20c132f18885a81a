/*
description: Every version of a customer's address, with the time it was valid.
load: scd2
key: [customer_id]
latest_by: updated_at
quality: |
  Rules = [ IsComplete "customer_id", IsComplete "updated_at" ]
on_violation: quarantine
columns:
  street: {tags: {pii: address}}
  zip: {tags: {pii: address}}
*/
select
  customer_id,
  street,
  city,
  state,
  zip,
  country,
  try_cast(updated_at as timestamptz)      as updated_at
from bronze.customers
