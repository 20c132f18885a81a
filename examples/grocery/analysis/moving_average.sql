-- Sales a week, and their average over the four weeks up to then.
select
  week,
  sum(sales_value)                                                        as sales,
  round(avg(sum(sales_value)) over (order by week rows 3 preceding), 2)   as average_4_weeks
from silver.transactions
group by week
order by week
