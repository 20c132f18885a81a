/*
description: One row per product, at its latest price.
load: merge
key: [product_id]
latest_by: updated_at
quality: |
  Rules = [
    IsPrimaryKey "product_id",
    IsComplete "name",
    ColumnValues "list_price" > 0,
    Completeness "category" > 0.9
  ]
on_violation: quarantine
columns:
  category: {description: "Unknown until the shop has told it."}
*/
select
  product_id,
  trim(name)                                as name,
  coalesce(category, 'Unknown')             as category,
  brand,
  list_price,
  cost,
  weight_g,
  cast(updated_at as timestamptz)           as updated_at
from bronze.products
