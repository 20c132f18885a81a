"""The lake as one principal may see it: `lake.as_principal("ana")`."""
