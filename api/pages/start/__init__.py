"""Where people begin: the page after signing in, the first sign-in, and the list of the first day."""
