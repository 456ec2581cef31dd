"""Pages of one's own settings: hours, keys, calendars, pairing the extension."""
