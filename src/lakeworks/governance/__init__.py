"""Who may see what: principals, grants, tags, filters, masks; classification and audit."""
