/*
description: One row per card transaction; reversals have negative amounts.
load: merge
key: [transaction_id]
latest_by: transaction_time
quality: |
  Rules = [ IsPrimaryKey "transaction_id", IsComplete "amount", ColumnValues "amount" != 0 ]
on_violation: quarantine
columns:
  card_number: {description: "Already masked by the acquirer.", tags: {pii: card}}
*/
select
  transaction_id,
  card_token,
  card_number,
  merchant_id,
  merchant_category,
  merchant_country,
  amount,
  currency,
  entry_mode,
  cast(transaction_time as timestamptz)    as transaction_time,
  is_fraud
from bronze.card_transactions
