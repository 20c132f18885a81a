"""SQL that callers write in another dialect than the lake's, on its way into the lake's."""
