/*
description: |
  Everything known of a customer: transactions, support, engagement, segment and churn risk.
  Days are counted back from the last day on which anything happened, not from today, so that the
  same data always gives the same table. Who never bought or never came counts from signing up.
load: replace
quality: |
  Rules = [
    IsPrimaryKey "customer_id",
    ColumnValues "segment" in ["VIP", "High", "Medium", "Low"],
    ColumnValues "churn_level" in ["High", "Medium", "Low"]
  ]
on_violation: fail
columns:
  email: {tags: {pii: email}}
  segment: {description: "VIP over 10,000, High over 5,000, Medium over 1,000, else Low."}
  churn_risk:
    description: |
      0.4 x days since the last transaction + 0.3 x days since the last visit
      + 0.3 x (100 - satisfaction, or 50 when it is unknown).
  churn_level: {description: "High over 70, Medium over 40, else Low."}
*/
with transactions as (
  select
    customer_id,
    count(*)                                as transactions,
    cast(sum(order_amount) as decimal(18, 2)) as lifetime_value,
    min(order_date)                         as first_transaction,
    max(order_date)                         as last_transaction
  from silver.orders
  where order_status = 'completed'
  group by customer_id
),
support as (
  select
    customer_id,
    count(*)                                as tickets,
    sum(case when status = 'open' then 1 else 0 end) as open_tickets,
    avg(satisfaction)                       as satisfaction
  from silver.support_tickets
  group by customer_id
),
engagement as (
  select
    customer_id,
    count(distinct session_id)              as sessions,
    count(*)                                as events,
    max(cast(event_time as date))           as last_visit
  from silver.web_events
  where customer_id is not null
  group by customer_id
),
reference as (
  select max(day) as today
  from (
    select max(order_date) as day from silver.orders
    union all
    select max(cast(event_time as date)) as day from silver.web_events
  ) as days
),
joined as (
  select
    c.customer_id,
    c.first_name,
    c.last_name,
    c.email,
    c.state,
    cast(c.signup_at as date)               as signup_date,
    coalesce(t.transactions, 0)             as transactions,
    coalesce(t.lifetime_value, 0)           as lifetime_value,
    t.first_transaction,
    t.last_transaction,
    coalesce(s.tickets, 0)                  as tickets,
    cast(coalesce(s.open_tickets, 0) as bigint) as open_tickets,
    s.satisfaction,
    coalesce(e.sessions, 0)                 as sessions,
    coalesce(e.events, 0)                   as events,
    e.last_visit,
    date_diff('day', coalesce(t.last_transaction, cast(c.signup_at as date)), r.today)
                                            as days_since_transaction,
    date_diff('day', coalesce(e.last_visit, cast(c.signup_at as date)), r.today)
                                            as days_since_visit
  from silver.customers as c
  left join transactions as t on t.customer_id = c.customer_id
  left join support as s on s.customer_id = c.customer_id
  left join engagement as e on e.customer_id = c.customer_id
  cross join reference as r
),
scored as (
  select
    *,
    0.4e0 * days_since_transaction + 0.3e0 * days_since_visit
      + 0.3e0 * coalesce(100 - satisfaction, 50) as churn_risk
  from joined
)
select
  *,
  case
    when lifetime_value > 10000 then 'VIP'
    when lifetime_value > 5000 then 'High'
    when lifetime_value > 1000 then 'Medium'
    else 'Low'
  end                                       as segment,
  case
    when churn_risk > 70 then 'High'
    when churn_risk > 40 then 'Medium'
    else 'Low'
  end                                       as churn_level
from scored
