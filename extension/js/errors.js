// The errors of the extension. Each has a class of its own, because each asks something else of the person.

// An error response; `problem` is its body (RFC 9457).
export class ApiError extends Error {
  constructor(problem, status) {
    super(problem?.detail ?? "The server did not do it.");
    Object.assign(this, { problem, status });
  }
}

// No complete response came: the server may have handled the request.
export class NetworkError extends Error {}

// Nothing was sent.
export class OfflineError extends Error {
  constructor() {
    super("You are offline, so nothing was made.");
  }
}

export class ConnectionEndedError extends Error {
  constructor() {
    super("This connection has ended: its key was revoked or has expired.");
  }
}

// The input of the person is invalid.
export class InputError extends Error {}
