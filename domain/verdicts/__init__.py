"""Why a start is on offer or not: every rule's verdict."""
