/* Booking, retry, link edit and rescheduling by four clients: what one append must check, and what goes wrong without it.

   Two single-use links of one core link, two slots of one host. Whatever PostgreSQL does in one transaction is one atomic
   step here; everything between two of them may be interleaved with anything. An answer may be lost on either way, and
   then the same client asks again under its key. Each BUG_… is a bug of tests/torture/mutants.py. */

#define CLIENTS 4
#define NOBODY 9

#define IS_ON(version) ((version) % 2 == 1)        /* an edit switches the link off, the next one on again */

byte link_version = 1;
byte key_of[2] = NOBODY;                           /* who booked a token: the key in its MeetingBooked */
byte asked[2] = NOBODY;                            /* the body's digest in it: the slot that was asked for */
byte at[2] = NOBODY;                               /* where the meeting is now */
byte token_version[2];
byte bookings[2];                                  /* how many MeetingBooked a token has */
byte held[2];                                      /* how many reservations a slot has */

bool looked;                                       /* looking at a page has changed something */

mtype = { none, booked, used, reused, disabled, taken };

/* what one append checks */
#ifdef BUG_CONFLICT_IS_USED
#define STALE answer = used
#else
#define STALE fresh = true
#endif
#ifdef BUG_CHECK_THEN_INSERT
#define TOKEN_SAME true
#else
#define TOKEN_SAME (key_of[token] == NOBODY)
#endif
#ifdef BUG_LINK_VERSION
#define LINK_SAME true
#else
#define LINK_SAME (link_version == seen_link)
#endif
#define MAY_APPEND (TOKEN_SAME && LINK_SAME)
#ifdef BUG_NO_EXCLUDE
#define SLOT_TAKEN (seen_held > 0)
#else
#define SLOT_TAKEN (held[slot] > 0)
#endif

inline check_calendar() {
    assert(at[0] == NOBODY || at[0] != at[1]);     /* no two meetings of one host at the same time */
    assert(held[0] == (at[0] == 0) + (at[1] == 0));   /* reservations are what the log says */
    assert(held[1] == (at[0] == 1) + (at[1] == 1));
    assert(bookings[0] <= 1 && bookings[1] <= 1);  /* a token books one meeting, ever */
}

inline commit_booking() {
    bookings[token]++;
    key_of[token] = _pid; asked[token] = slot; at[token] = slot;
    token_version[token]++;
    held[slot]++;
    assert(IS_ON(link_version));                   /* nothing is booked after the link was switched off */
    check_calendar();
}

/* the decision, again and again until it is one: first on what is remembered, then on fresh reads */
inline book() {
    fresh = false;
    answer = none;
    do
    :: answer != none -> break
    :: else ->
        d_step { seen_key = key_of[token]; seen_asked = asked[token]; }
        if
        :: seen_key != NOBODY ->
#ifdef BUG_NO_KEY
            answer = used
#else
            if
            :: seen_key != _pid -> answer = used
#ifdef BUG_KEY_WITHOUT_DIGEST
            :: seen_key == _pid -> answer = booked
#else
            :: seen_key == _pid && seen_asked == slot -> answer = booked
            :: seen_key == _pid && seen_asked != slot -> answer = reused
#endif
            fi
#endif
        :: else ->
            if
            :: !fresh -> seen_link = 1             /* this process has not looked since then */
            :: seen_link = link_version
            fi;
            if
            :: !IS_ON(seen_link) && fresh && seen_link == link_version -> answer = disabled
            :: !IS_ON(seen_link) && !(fresh && seen_link == link_version) -> fresh = true
            :: IS_ON(seen_link) ->
#ifdef BUG_NO_EXCLUDE
                seen_held = held[slot];            /* looked at before, and not in the transaction */
#endif
                atomic {
                    if
#ifndef BUG_CHECK_THEN_INSERT
                    :: key_of[token] != NOBODY -> STALE
#endif
#ifndef BUG_LINK_VERSION
                    :: link_version != seen_link -> STALE
#endif
                    :: MAY_APPEND ->
                        if
                        :: SLOT_TAKEN -> answer = taken
                        :: else ->
                            commit_booking();
                            if
                            :: answer = booked
                            :: fresh = true        /* the answer of the append was lost: reload and compare */
                            fi
                        fi
                    fi
                }
            fi
        fi
    od
}

inline check_answer() {
    if
    :: answer == booked ->
        assert(key_of[token] == _pid);             /* an acknowledged booking is there */
        assert(asked[token] == slot)               /* and is the one that was asked for */
    :: answer == used -> assert(key_of[token] != _pid && key_of[token] != NOBODY)   /* no winner is told so */
    :: answer == reused -> assert(key_of[token] == _pid)
    :: else -> skip
    fi
}

inline reschedule() {
    d_step { seen_version = token_version[token]; from = at[token]; }
    if
    :: from == NOBODY || from == to -> skip
    :: else ->
        atomic {
            if
            :: token_version[token] != seen_version || held[to] > 0 -> skip
            :: else ->
#ifndef BUG_OLD_RESERVATION_STAYS
                held[from]--;
#endif
                held[to]++;
                at[token] = to;
                token_version[token]++;
                check_calendar()
            fi
        }
    fi
}

inline view() {
#ifdef BUG_GET_BOOKS
    if
    :: key_of[token] == NOBODY && IS_ON(link_version) && held[0] == 0 ->
        d_step { key_of[token] = 8; asked[token] = 0; at[token] = 0; held[0]++; bookings[token]++; looked = true }
    :: else -> skip
    fi;
#endif
    skip
}

/* the first two want the same link, the third has the other one; each may ask again under its key, and two may move the
   meeting that their link then has; the fourth looks at a page and edits the link */
active [CLIENTS] proctype client() {
    byte token, slot, to, from, seen_key, seen_asked, seen_link, seen_version, seen_held;
    bool fresh, again;
    mtype answer;

    d_step { token = (_pid == 2 -> 1 : 0); slot = (_pid == 2 -> 1 : 0); to = 1 - slot };
    if
    :: _pid < 3 ->
asking: book();
        check_answer();
        d_step { answer = none; seen_key = 0; seen_asked = 0; seen_link = 0; fresh = false; seen_held = 0 };
        if
        :: !again -> again = true; goto asking                  /* the reply was lost, or the client is not sure */
        :: !again && _pid == 0 -> d_step { again = true; slot = 1 - slot }; goto asking   /* something else, under its key */
        :: _pid != 1 -> reschedule()
        :: true
        fi
    :: _pid == 3 -> view(); assert(!looked); link_version++; link_version++
    fi
}
