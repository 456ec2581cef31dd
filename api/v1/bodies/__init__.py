"""Request bodies, by what they are about. What they share, and those of links and bookings: `request_bodies`."""
