"""Webhooks: events of the log, sent to addresses of the organisation in the format of Standard Webhooks."""
