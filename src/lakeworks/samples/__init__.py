"""Sample data: a dirty e-commerce world made up from a seed, and a real grocery's receipts."""

from lakeworks.samples.shop import Generated, generate_orders, generate_shop

__all__ = ["Generated", "generate_orders", "generate_shop"]
