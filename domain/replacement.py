"""What identifies the replacement of a single-use link whose meeting fell through."""

from uuid import UUID, uuid5


def derive_replacement_id(booking_id: UUID) -> UUID:
    """Returns the id of a booking's replacement, of which there is at most one."""
    return uuid5(booking_id, "replacement")
