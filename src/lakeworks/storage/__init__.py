"""Object stores, Delta tables and their upkeep: everything that touches the lake's bytes."""
