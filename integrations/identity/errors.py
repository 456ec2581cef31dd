"""Why the OpenID provider's answer signs nobody in: a reason for the access log and a sentence for people."""


class SignInRefused(Exception):
    """The provider's answer signs nobody in."""

    reason = "refused"

    @property
    def sentence(self) -> str:
        """What to tell the person at the browser."""
        return (type(self).__doc__ or "").strip()


class ProviderAway(SignInRefused):
    """Your organisation's sign-in does not answer at the moment."""

    reason = "provider_away"


class WrongProviderAnswer(SignInRefused):
    """Your organisation's sign-in answered something that Oncelink does not understand. Tell an admin."""

    reason = "wrong_provider_answer"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class SignInAbandoned(SignInRefused):
    """This sign-in was not begun in this browser, or more than ten minutes ago. Begin again."""

    reason = "state_mismatch"


class ProviderRefused(SignInRefused):
    """Your organisation's sign-in did not let you in."""

    reason = "provider_refused"


class CodeRefused(SignInRefused):
    """Your organisation's sign-in refused the code that it had given. Begin again."""

    reason = "code_refused"


class WrongSignature(SignInRefused):
    """What came is not signed with a key of your organisation's sign-in."""

    reason = "wrong_signature"


class WrongAlgorithm(SignInRefused):
    """What came is signed in a way that Oncelink does not accept."""

    reason = "wrong_algorithm"


class WrongClaim(SignInRefused):
    """What came was not made by your organisation's sign-in for this sign-in."""

    def __init__(self, claim: str) -> None:
        super().__init__(claim)
        self.reason = f"wrong_{claim}"


class TokenExpired(SignInRefused):
    """What came has expired. If that happens again, the clocks of the two servers differ: tell an admin."""

    reason = "expired"


class EmailUnverified(SignInRefused):
    """Your organisation's sign-in has not verified your e-mail address, so Oncelink cannot tell who you are."""

    reason = "email_unverified"


class PersonUnknown(SignInRefused):
    """Nobody here has your e-mail address. Ask an admin to add you."""

    reason = "person_unknown"


class PersonDeactivated(SignInRefused):
    """Your account here is deactivated. Ask an admin."""

    reason = "deactivated"


class PersonBoundToAnother(SignInRefused):
    """The person with your e-mail address signs in as somebody else there. Ask an admin to unlink them."""

    reason = "bound_to_another"
