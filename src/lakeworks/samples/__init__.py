"""Sample data: a dirty e-commerce world made up from a seed, and a grocery chain's receipts."""

from lakeworks.samples.grocery import Prepared, prepare_grocery
from lakeworks.samples.shop import Generated, generate_orders, generate_shop

__all__ = ["Generated", "Prepared", "generate_orders", "generate_shop", "prepare_grocery"]
