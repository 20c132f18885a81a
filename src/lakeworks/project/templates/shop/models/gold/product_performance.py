"""How each product sells: the same model as a SELECT would be, written with narwhals."""

import narwhals as nw

from lakeworks import model


@model(
    "gold.product_performance",
    inputs={
        "items": "silver.order_items",
        "orders": "silver.orders",
        "products": "silver.products",
    },
    load="replace",
    description="Orders, units, revenue and margin of each product in completed orders.",
    quality='Rules = [ IsPrimaryKey "product_id", ColumnValues "units" > 0 ]',
    on_violation="fail",
)
def product_performance(
    items: nw.LazyFrame, orders: nw.LazyFrame, products: nw.LazyFrame
) -> nw.LazyFrame:
    completed = orders.filter(nw.col("order_status") == "completed").select("order_id")
    sold = (
        items.join(completed, on="order_id", how="inner")
        .group_by("product_id")
        .agg(
            nw.col("order_id").n_unique().alias("orders"),
            nw.col("quantity").sum().cast(nw.Int64).alias("units"),
            nw.col("line_amount").sum().cast(nw.Decimal(18, 2)).alias("revenue"),
        )
    )
    known = products.select("product_id", "name", "category", "brand", "cost")
    return sold.join(known, on="product_id", how="left").select(
        "product_id",
        "name",
        nw.col("category").fill_null("Unknown"),
        "brand",
        "orders",
        "units",
        "revenue",
        (nw.col("revenue") - nw.col("units") * nw.col("cost"))
        .cast(nw.Decimal(18, 2))
        .alias("margin"),
    )
