/*
description: One row per customer, as they are now.
load: merge
key: [customer_id]
latest_by: updated_at
quality: |
  Rules = [
    IsPrimaryKey "customer_id",
    IsComplete "email",
    ColumnValues "email" matches "[^@ ]+@[^@ ]+",
    ColumnLength "zip" = 5
  ]
on_violation: quarantine
columns:
  first_name: {tags: {pii: name}}
  last_name: {tags: {pii: name}}
  email: {description: "Lower-cased and trimmed.", tags: {pii: email}}
  phone: {tags: {pii: phone}}
  birth_date: {description: "Null where what arrived is not a date.", tags: {pii: birth_date}}
  street: {tags: {pii: address}}
  zip: {description: "Text; leading zeros matter.", tags: {pii: address}}
*/
select
  customer_id,
  first_name,
  last_name,
  lower(trim(email))                       as email,
  phone,
  try_cast(birth_date as date)             as birth_date,
  street,
  city,
  state,
  zip,
  country,
  try_cast(signup_at as timestamptz)       as signup_at,
  try_cast(marketing_opt_in as boolean)    as marketing_opt_in,
  try_cast(updated_at as timestamptz)      as updated_at
from bronze.customers
