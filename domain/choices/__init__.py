"""What the log says of choices among members: why each was made, and a month of them with other weights."""
