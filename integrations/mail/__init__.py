"""Mail: what a message says, how it is encoded, and handing it to an SMTP server."""
