-- rfm.sql as Athena's SQL (Trino's): the same rows.
WITH customers AS (
  SELECT
    customer_id,
    date_diff('day', max(order_date), (SELECT max(order_date) FROM silver.orders)) AS days_since,
    count(*) AS orders,
    sum(order_amount) AS money
  FROM silver.orders
  WHERE order_status = 'completed'
  GROUP BY customer_id
),
scored AS (
  SELECT
    *,
    ntile(4) OVER (ORDER BY days_since DESC, customer_id) AS recency,
    ntile(4) OVER (ORDER BY orders, customer_id) AS frequency,
    ntile(4) OVER (ORDER BY money, customer_id) AS monetary
  FROM customers
)
SELECT
  CASE
    WHEN recency = 4 AND frequency = 4 AND monetary = 4 THEN 'best'
    WHEN recency >= 3 AND frequency >= 3 THEN 'loyal'
    WHEN recency >= 3 THEN 'new or rare'
    WHEN frequency >= 3 THEN 'at risk'
    ELSE 'lost'
  END AS segment,
  count(*) AS customers,
  round(avg(days_since), 1) AS days_since,
  round(avg(orders), 2) AS orders,
  round(sum(money), 2) AS money
FROM scored
GROUP BY 1
ORDER BY money DESC
