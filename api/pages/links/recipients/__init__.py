"""Single-use links for a list of recipients: read from CSV, previewed, and made once they are confirmed."""
