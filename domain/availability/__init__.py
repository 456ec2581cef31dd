"""When people are free: weekly hours, the policies that offer slots, and what a link offers."""
