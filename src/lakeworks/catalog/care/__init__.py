"""The care of tables: their health, what to do about it, what they cost, where old files go."""
