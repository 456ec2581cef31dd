"""Sign-in links of the sample's people, as mails have them."""

from api.clock import read_clock
from api.demo.organisation import PEOPLE
from tests.browser.browsing import LiveServer


def create_sign_in_path(live_server: LiveServer, who: str) -> str:
    """Create a sign-in link of one of the sample's people and return its path."""
    return f"/sign-in/{live_server.services.api_keys.create_sign_in_code(PEOPLE[who].id, read_clock())}"
