"""The registry of error codes: the status, the meaning, and what to do about it; docs/errors.md is made from it."""

from dataclasses import dataclass

from domain import refusals
from domain.refusals import Refusal, find_code


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A stable code of problem details: its HTTP status, what it means, and what a client does about it."""

    status: int
    meaning: str
    action: str


PHRASES = {  # RFC 9110, 15; RFC 6585, 4
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
NEW_LINK = "Ask whoever sent the link for a new one. Do not repeat the request."
LATER = "Repeat the request after `Retry-After` seconds."
ERROR_CODES: dict[str, ErrorCode] = {
    "bad_request": ErrorCode(
        400, "The request cannot be read.", "Send the request as the OpenAPI document describes it."
    ),
    "unauthorized": ErrorCode(
        401,
        "No valid API key or session came with the request.",
        "Send `Authorization: Bearer olk_…` with a key that has not been deleted, of a person who is active.",
    ),
    "forbidden": ErrorCode(
        403,
        "The roles of the person, or the scope of the key, do not allow this.",
        "Use the key of somebody who has one of the roles that the operation names.",
    ),
    "not_found": ErrorCode(
        404,
        "There is no such thing, or the person may not see it; the answer is the same for both.",
        "Check the id and the path. Do not repeat the request.",
    ),
    "link_not_found": ErrorCode(
        404, "No link or booking has this slug or code.", "Check that the whole address was copied."
    ),
    "method_not_allowed": ErrorCode(
        405, "The path exists, but not with this method.", "Use one of the methods that the `Allow` field names."
    ),
    "already_booked": ErrorCode(
        409, "The single-use link was booked, so it cannot be revoked.", "Cancel its booking instead."
    ),
    "booking_cancelled": ErrorCode(409, "The booking was cancelled, which is final.", "Book a new meeting."),
    "email_taken": ErrorCode(
        409, "Another person has this e-mail address.", "Look for that person with `GET /v1/people?q=…`."
    ),
    "meeting_not_started": ErrorCode(
        409, "The meeting has not started, so nobody can have missed it.", "Cancel it, or wait until it has started."
    ),
    "meeting_started": ErrorCode(
        409, "The meeting has started, so it can no longer be changed.", "Book another meeting if one is needed."
    ),
    "newer_version_live": ErrorCode(
        409, "A newer version of the program built this read model.", "Rebuild it with that version of the program."
    ),
    "no_show_too_late": ErrorCode(
        409, "The meeting started more than 14 days ago.", "Leave it: who came is settled by now."
    ),
    "nothing_to_send": ErrorCode(
        409,
        "A later mail replaced this one, its guest was erased, the meeting is over, or the person is deactivated.",
        "Look at the mails of the booking: the latest one may be sent again.",
    ),
    "not_replaceable": ErrorCode(
        409,
        "The meeting took place or is still to come, its replacement was given, or the organisation gives none.",
        "Look at `replacement_id` of the booking; issue another single-use link of the core link if one is needed.",
    ),
    "rebuild_running": ErrorCode(
        409, "A rebuild is running.", "Wait until `GET /v1/read-models` no longer says `rebuilding`."
    ),
    "slot_taken": ErrorCode(
        409,
        "The time was on offer, and was taken; nothing was booked, and the link can still be used.",
        "Get the slots again and choose another one.",
    ),
    "slug_taken": ErrorCode(
        409, "Another link has this slug.", "Choose another slug, or leave it out: one is made from the name."
    ),
    "team_in_use": ErrorCode(
        409,
        "A link or managed link still has this team.",
        "Find its links with `GET /v1/links?team_id=…`, and give each another team or none.",
    ),
    "verification_running": ErrorCode(
        409, "The log is being verified.", "Read the result with `GET /v1/history/verify` when it is done."
    ),
    "erased": ErrorCode(
        410,
        "The personal details of what the repeated request made were erased.",
        "Treat the first request as a success whose answer is no longer available.",
    ),
    "link_deleted": ErrorCode(410, "The core link was deleted.", NEW_LINK),
    "link_disabled": ErrorCode(
        410,
        "The core link is disabled, or nobody can be met through it.",
        "Ask its owner to enable it, or for a new link.",
    ),
    "link_expired": ErrorCode(410, "The link has expired.", NEW_LINK),
    "link_revoked": ErrorCode(410, "The single-use link was revoked by whoever issued it.", NEW_LINK),
    "link_single_use_only": ErrorCode(
        410,
        "The core link books nothing itself; single-use links of it do.",
        "Ask whoever sent it for a single-use link, or write to the contact that `detail` names.",
    ),
    "link_used": ErrorCode(
        410,
        "The single-use link has booked its one meeting.",
        "If it was your own request, repeat it with its Idempotency-Key to get the answer. Else ask for a new link.",
    ),
    "manage_link_expired": ErrorCode(
        410,
        "The manage code ended some time after the meeting.",
        "Write to whoever hosted the meeting. Do not repeat the request.",
    ),
    "version_conflict": ErrorCode(
        412,
        "The thing was changed after the version that `If-Match` names.",
        "Get it again, repeat the change on the current version, and send its new `ETag`.",
    ),
    "body_too_large": ErrorCode(413, "The body is larger than 64 KiB.", "Send less at once."),
    "head_too_large": ErrorCode(
        431, "The head of the request is larger than 32 KiB.", "Send fewer or shorter headers."
    ),
    "request_timeout": ErrorCode(
        408, "The head or the body of the request did not come in time.", "Repeat the request, and send it at once."
    ),
    "idempotency_key_reused": ErrorCode(
        422,
        "The Idempotency-Key was used for another request; nothing of that request is told.",
        "Use a new random key for each new request, and the same key only to repeat one.",
    ),
    "invalid": ErrorCode(
        422,
        "A field, parameter or header breaks a rule, is not known, or stands twice.",
        "Correct what `errors` names. Each entry has `field` and `message`; the value sent is never repeated.",
    ),
    "mailed_code_required": ErrorCode(
        422,
        "The link asks for a code that is mailed to the guest (`guest_check`).",
        "Request one with `POST /v1/book/{code}/mailed-code`, and send it in `mailed_code` within 15 minutes.",
    ),
    "mailed_code_wrong": ErrorCode(
        422,
        "The code is not the one mailed last to this address for this link, or it is over, used, or guessed too often.",
        "Send the code of the latest mail, or request another one.",
    ),
    "not_the_recipient": ErrorCode(
        422,
        "The single-use link is only for its recipient, and the e-mail address is another one.",
        "Book with the address that the link was sent to. The link can still be used.",
    ),
    "proof_of_work_required": ErrorCode(
        422,
        "The link asks for a proof of work (`guest_check`), and there is none, or it is wrong, over or was used.",
        "Get `/v1/book/{code}/challenge`, solve it, and send it in `proof_of_work` within 10 minutes.",
    ),
    "slot_not_offered": ErrorCode(
        422,
        "The time was never on offer: past, too soon, too far, outside of the hours, or not a start of a slot.",
        "Get the slots and send one of their starts. The link can still be used.",
    ),
    "too_many_requests": ErrorCode(
        429,
        "A quota is used up: of a client's requests, of an address's bookings or mails, or of a booking's moves.",
        "Repeat the request after `Retry-After` seconds. `RateLimit` names the quota. Nothing was done.",
    ),
    "internal_error": ErrorCode(
        500,
        "The server failed; the failure is logged with the `X-Request-Id` of the answer.",
        "Repeat a GET. Repeat a POST with its Idempotency-Key. Tell the operator the `X-Request-Id` if it stays.",
    ),
    "calendars_busy": ErrorCode(503, "Too many calendars are being read.", LATER),
    "link_unconfirmed": ErrorCode(
        503,
        "After a restore of the database it is not yet confirmed that this link is unused.",
        "Try again later; the operator runs `oncelink reconcile`.",
    ),
    "overloaded": ErrorCode(503, "Too many connections or requests are in progress, so this one was not begun.", LATER),
    "read_model_behind": ErrorCode(
        503, "The list did not reach `Oncelink-Min-Position` within two seconds.", f"{LATER} The write itself is done."
    ),
    "try_again": ErrorCode(
        503,
        "The database did not answer in time, so the outcome of a write is not known.",
        f"{LATER} Repeat a POST with its Idempotency-Key: nothing is made twice.",
    ),
}
# one code has this status only on a page: the guest's booking stands, and the page says so
PAGE_STATUSES: dict[type[Refusal], int] = {refusals.NoOtherSlotOffered: 409}
REFUSAL_STATUSES: dict[type[Refusal], int] = {
    refusal: PAGE_STATUSES.get(refusal) or ERROR_CODES[find_code(refusal)].status
    for refusal in vars(refusals).values()
    if isinstance(refusal, type) and issubclass(refusal, Refusal) and refusal is not Refusal
}
CLOSED_LINK = ("link_deleted", "link_disabled", "link_expired", "link_revoked", "link_single_use_only", "link_used")
GUEST_CHECK = ("proof_of_work_required", "mailed_code_required", "mailed_code_wrong")
# what a response of this status says unless its route names its codes; 409 and 410 are different for each route
USUAL_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    412: "version_conflict",
    413: "body_too_large",
    422: "invalid",
    429: "too_many_requests",
    503: "try_again",
}
