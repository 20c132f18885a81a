"""What a file is and which columns it has, from a bounded part of it."""
