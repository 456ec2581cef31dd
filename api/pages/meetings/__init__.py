"""Pages of meetings: the meeting log, one meeting, reassigning, handing over."""
