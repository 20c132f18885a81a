/*
description: One row per product.
load: merge
key: [product_id]
quality: |
  Rules = [ IsPrimaryKey "product_id", IsComplete "department", Completeness "category" > 0.99 ]
on_violation: quarantine
*/
select
  try_cast(product_id as bigint)               as product_id,
  try_cast(manufacturer_id as bigint)          as manufacturer_id,
  department,
  brand,
  coalesce(product_category, 'UNKNOWN')        as category,
  coalesce(product_type, 'UNKNOWN')            as product_type,
  package_size
from bronze.products
