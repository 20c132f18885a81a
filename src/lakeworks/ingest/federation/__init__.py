"""Tables of other systems, read where they are: servers, SQLite files, DynamoDB."""
