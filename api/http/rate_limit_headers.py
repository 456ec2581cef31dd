"""The fields `RateLimit-Policy`, `RateLimit` and `Retry-After` of limited routes.

Source: draft-ietf-httpapi-ratelimit-headers-12. Each field is a List (RFC 9651) with an item for each policy: `q`
is its quota, `w` its window in seconds, `r` what is left of it, `t` the seconds until there is more.
"""

from dataclasses import dataclass, field

from starlette.types import Scope

from domain.refusals import TooManyRequests

DAY_SECONDS = 86_400
SCOPE_KEY = "rate_limits"


@dataclass
class RateLimits:
    """What is told of the quotas that a request is subject to."""

    policies: dict[str, tuple[int, int]] = field(default_factory=dict)  # quota, and window in seconds
    states: dict[str, tuple[int, int]] = field(default_factory=dict)  # what is left, and seconds until there is more
    retry_after: int | None = None

    def add_policy(self, name: str, quota: int, window: int = DAY_SECONDS) -> None:
        """Add a policy; a quota of 0 is none."""
        if quota:
            self.policies[name] = quota, window

    def record_refusal(self, refusal: TooManyRequests) -> None:
        """Record that a quota is used up."""
        self.states[refusal.policy] = 0, refusal.retry_after
        self.retry_after = refusal.retry_after

    def build_headers(self, status: int) -> list[tuple[bytes, bytes]]:
        """Build the header fields of the response. A 404 tells nothing of the path: it is the same on all of them."""
        policies = ", ".join(
            f'"{name}";q={quota};w={window}'
            for name, (quota, window) in self.policies.items()
            if status != 404 or name in self.states
        )
        states = ", ".join(f'"{name}";r={left};t={seconds}' for name, (left, seconds) in self.states.items())
        fields = {
            b"ratelimit-policy": policies,
            b"ratelimit": states,
            b"retry-after": str(self.retry_after) if self.retry_after else "",
        }
        return [(name, value.encode()) for name, value in fields.items() if value]


def get_rate_limits(scope: Scope) -> RateLimits:
    """Get the rate limits of a request, which RequestMiddleware made, and writes into the response."""
    limits: RateLimits = scope[SCOPE_KEY]
    return limits
