-- Of the customers who first ordered in a month, how many order again one, two, three months later?
with active as (
  select distinct customer_id, date_trunc('month', order_date)::date as month
  from silver.orders
  where order_status = 'completed'
),
firsts as (
  select customer_id, min(month) as cohort from active group by all
)
select
  cohort,
  count(distinct customer_id)                                              as customers,
  round(count(*) filter (datediff('month', cohort, month) = 1) / count(distinct customer_id), 4) as after_1_month,
  round(count(*) filter (datediff('month', cohort, month) = 2) / count(distinct customer_id), 4) as after_2_months,
  round(count(*) filter (datediff('month', cohort, month) = 3) / count(distinct customer_id), 4) as after_3_months
from active
join firsts using (customer_id)
group by cohort
order by cohort
