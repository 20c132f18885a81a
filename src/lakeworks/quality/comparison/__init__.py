"""How values are compared: with literals, with one another, with earlier values."""
