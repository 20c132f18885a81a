"""Object stores, Delta tables and their maintenance: everything that touches the lake's bytes."""
