"""Notifications about meetings: which events cause them, and the events that record their delivery."""
