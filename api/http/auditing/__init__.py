"""What people do who are signed in, recorded in the access log."""
