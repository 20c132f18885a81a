-- moving_average.sql as Athena's SQL (Trino's): the same rows. An average of decimals would be a decimal.
SELECT
  week,
  sum(sales_value) AS sales,
  round(CAST(sum(sum(sales_value)) OVER recent AS DOUBLE) / count(*) OVER recent, 2) AS average_4_weeks
FROM silver.transactions
GROUP BY week
WINDOW recent AS (ORDER BY week ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
ORDER BY week
