"""What comes in: HTTP and the command line, with settings and the clock."""
