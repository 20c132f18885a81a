/*
description: Units and revenue of completed orders by day and category, with running totals.
load: replace
columns:
  revenue: {description: "Sum of the lines, before discounts of whole orders."}
  running_revenue: {description: "Revenue of the category from the first day to this one."}
*/
with sold as (
  select
    o.order_date                            as sales_date,
    coalesce(p.category, 'Unknown')         as category,
    i.order_id,
    i.quantity,
    i.line_amount
  from silver.order_items as i
  join silver.orders as o on o.order_id = i.order_id
  left join silver.products as p on p.product_id = i.product_id
  where o.order_status = 'completed'
),
daily as (
  select
    sales_date,
    category,
    count(distinct order_id)                as orders,
    cast(sum(quantity) as bigint)           as units,
    cast(sum(line_amount) as decimal(18, 2)) as revenue
  from sold
  group by sales_date, category
)
select
  sales_date,
  category,
  orders,
  units,
  revenue,
  cast(sum(revenue) over (
    partition by category order by sales_date rows between unbounded preceding and current row
  ) as decimal(18, 2))                      as running_revenue,
  cast(sum(revenue) over (
    partition by category, year(sales_date), month(sales_date)
    order by sales_date rows between unbounded preceding and current row
  ) as decimal(18, 2))                      as month_to_date_revenue
from daily
