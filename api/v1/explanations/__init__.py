"""Why a time is on offer or not, over HTTP."""
