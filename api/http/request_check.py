"""What a guest has sent with a booking request to show that it counts, and the codes that are mailed for it."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from fastapi import BackgroundTasks

from api.services import Services
from api.settings import GuestCheckKind
from domain.commands.booking_request import BookingTarget
from domain.guest_check import Proof
from domain.refusals import MailedCodeRequired, MailedCodeWrong, ProofOfWorkRequired, Refusal
from integrations.mail.mail_message import MailDetail, MailMessage
from store.mailed_codes import LIFETIME


def find_guest_check(services: Services, target: BookingTarget) -> GuestCheckKind:
    """Find what is asked for before a booking: nothing on a single-use link."""
    return "none" if target.token_id is not None else services.settings.guest_check


def request_code(
    services: Services, background_tasks: BackgroundTasks, email: str, link_id: UUID, meeting_type: str
) -> bool:
    """Mail a code after the response, where the organisation asks for one and can mail. Whether a code is on its way.

    Raises TooManyCodes.
    """
    settings, now = services.settings, services.clock()
    if settings.guest_check == "none" or not settings.smtp_url:
        return False
    code = services.mailed_codes.make_code(email, link_id, settings.guest_code_quota, now)
    if code is not None:
        message = build_code_mail(email, code, meeting_type)
        mailer = services.sign_in_mailer
        background_tasks.add_task(mailer.run_in_background, mailer.send, message)
    return True


def build_code_mail(email: str, code: str, meeting_type: str) -> MailMessage:
    """Build the mail with a code. The code is not in the subject, which mail servers log."""
    return MailMessage(
        to_name="",
        to_email=email,
        subject=f"Your code to book: {meeting_type}",
        headline="Your code",
        sentence="Enter this code on the page where you book. Your meeting is not booked before.",
        details=[MailDetail("Code", code), MailDetail("Valid", f"{int(LIFETIME.total_seconds() // 60)} minutes")],
        closing="If you did not ask for this, you need not do anything: nothing is booked without the code.",
    )


@dataclass
class RequestCheck:
    """The check of one booking request, made once for each link, however often the booking is decided."""

    services: Services
    kind: GuestCheckKind
    email: str
    proof_of_work: str | None
    mailed_code: str | None
    now: datetime
    outcomes: dict[UUID, Proof | Refusal] = field(default_factory=dict)

    def verify(self, link_id: UUID) -> Proof | None:
        """Return what the guest has shown. Raises ProofOfWorkRequired, MailedCodeRequired, MailedCodeWrong."""
        if self.kind == "none":
            return None
        if link_id not in self.outcomes:
            try:
                self.outcomes[link_id] = self.find_proof(link_id)
            except Refusal as refusal:
                self.outcomes[link_id] = refusal
        outcome = self.outcomes[link_id]
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    def find_proof(self, link_id: UUID) -> Proof:
        """Find out what the guest has shown. Raises ProofOfWorkRequired, MailedCodeRequired, MailedCodeWrong."""
        code, payload = self.mailed_code, self.proof_of_work
        if code:
            proof = self.services.mailed_codes.verify_code(self.email, link_id, code, self.now)
            refusal: type[Refusal] = MailedCodeWrong
        elif self.kind == "proof_of_work":
            proof = self.services.proof_of_work.verify_payload(payload, link_id, self.now) if payload else None
            refusal = ProofOfWorkRequired
        else:
            proof, refusal = None, MailedCodeRequired
        if proof is None:
            raise refusal
        return proof
