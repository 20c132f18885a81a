-- Households by the month of their first receipt: which share still buys 3, 6, 9 months later?
with active as (
  select distinct household_id, date_trunc('month', sold_at)::date as month
  from silver.transactions
),
firsts as (
  select household_id, min(month) as cohort from active group by all
)
select
  cohort,
  count(distinct household_id)                                                 as households,
  round(count(*) filter (datediff('month', cohort, month) = 3) / count(distinct household_id), 4) as after_3_months,
  round(count(*) filter (datediff('month', cohort, month) = 6) / count(distinct household_id), 4) as after_6_months,
  round(count(*) filter (datediff('month', cohort, month) = 9) / count(distinct household_id), 4) as after_9_months
from active
join firsts using (household_id)
group by cohort
order by cohort
