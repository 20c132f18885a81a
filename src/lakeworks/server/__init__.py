"""What runs beside the command line: the processes of the SQL service."""
