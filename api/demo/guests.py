"""The guests of the sample organisation, and their texts."""

from typing import NamedTuple


class Guest(NamedTuple):
    """Somebody outside of the organisation who books meetings, or has a single-use link made for them."""

    name: str
    email: str
    time_zone: str


GUESTS = (
    Guest("Zoë Müller", "zoe.mueller@alpenlicht.example", "Europe/Berlin"),
    Guest("José Ñúñez", "jose.nunez@rioclaro.example", "America/Mexico_City"),
    Guest("中村 優子", "y.nakamura@hoshizora.example", "Asia/Tokyo"),
    Guest("Amara Okonkwo", "amara@lagoslogistics.example", "Africa/Lagos"),
    Guest("Łukasz Wójcik", "l.wojcik@baltykdata.example", "Europe/Warsaw"),
    Guest("Chloé Lefèvre", "chloe.lefevre@atelier-nord.example", "Europe/Paris"),
    Guest("Μαρία Παπαδοπούλου", "maria@aegeanfreight.example", "Europe/Athens"),
    Guest("Søren Ærø", "soren@fjordkraft.example", "Europe/Copenhagen"),
    Guest("Priscilla Adjei", "priscilla@accrahealth.example", "Africa/Accra"),
    Guest("김민준", "minjun.kim@hanbitlabs.example", "Asia/Seoul"),
    Guest("Олена Шевченко", "olena@dniprosoft.example", "Europe/Kyiv"),
    Guest("Liam O’Connor", "liam.oconnor@tidewater.example", "Europe/Dublin"),
    Guest("अनिल कुमार", "anil.kumar@gangatech.example", "Asia/Kolkata"),
    Guest("Ayşe Yılmaz", "ayse.yilmaz@bosphorus.example", "Europe/Istanbul"),
    Guest("Grace Thompson", "grace@prairiebank.example", "America/Chicago"),
    Guest("محمد الحسن", "m.alhassan@zahra.example", "Asia/Dubai"),
    Guest("Nguyễn Thị Hoa", "hoa.nguyen@saigonretail.example", "Asia/Ho_Chi_Minh"),
    Guest("João Antônio Sá", "joao@cafeserra.example", "America/Sao_Paulo"),
    Guest("Hannah Levi", "hannah@negevgreen.example", "Asia/Jerusalem"),
    Guest("Björk Guðmundsdóttir", "bjork@hverir.example", "Atlantic/Reykjavik"),
    Guest("Ethan Brooks", "ethan.brooks@cascadehr.example", "America/Los_Angeles"),
    Guest("Mele Tūhoe", "mele@aotearoafoods.example", "Pacific/Auckland"),
    Guest("Dana Černá", "dana.cerna@vltava.example", "Europe/Prague"),
    Guest("Olivia Nguyen-Smith", "olivia@harbourlegal.example", "Australia/Sydney"),
)
NOTES = (
    "We would like to replace a tool that we have outgrown; about 120 seats.",
    "A colleague from our security team may join.",
    "Mostly curious about the API.",
    "Könnten wir auf Deutsch sprechen?",
    "Please have pricing for three regions at hand.",
)
GUEST_REASONS = (
    "Something came up on our side, sorry!",
    "Budget was moved to next quarter.",
    "We have found the answer in your documentation, thank you.",
)
HOST_REASONS = ("I am ill today; my colleague will write to you.", "A customer incident needs me at that time.")
REVOKE_REASONS = ("Sent to the wrong address.", "They have signed already.")
