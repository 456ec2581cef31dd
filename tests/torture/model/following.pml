/* The log and its follower: what makes a position settled, what a crash may take, and what goes wrong otherwise.

   Three writers draw positions and commit in any order; the follower folds what is settled; the database may crash once and
   so may the follower, in the middle of anything. Each BUG_… is a bug of tests/torture/mutants.py. */

#define WRITERS 3
#define MOST 4

byte drawn;                        /* the sequence of positions, from 1 */
byte in_flight;                    /* writers that hold the fence, shared */
bool committed[MOST];              /* by position: others see it */
bool flushed[MOST];                /* it survives a crash */
bool acknowledged[MOST];           /* a client was told */
byte position;                     /* of the read models */
bool row[MOST];                    /* the read models have it */
bool crashed;

inline check_log() {
    assert(!acknowledged[1] || committed[1]);      /* what was acknowledged is there */
    assert(!acknowledged[2] || committed[2]);
    assert(!acknowledged[3] || committed[3])
}

inline check_rows() {                              /* up to their position the read models are what a replay gives */
    assert(position < 1 || row[1] == committed[1]);
    assert(position < 2 || row[2] == committed[2]);
    assert(position < 3 || row[3] == committed[3])
}

active [WRITERS] proctype writer() {
    byte mine;
    in_flight++;                                   /* the fence comes first, the position after it */
    d_step { drawn++; mine = drawn };
#ifdef BUG_COMMIT_WITHOUT_FLUSH
    d_step { committed[mine] = true; in_flight-- };
    acknowledged[mine] = true;
    flushed[mine] = true
#else
    flushed[mine] = true;
    d_step { committed[mine] = true; in_flight-- };
    acknowledged[mine] = true
#endif
}

inline fold() {
    row[1] = row[1] || (settled >= 1 && committed[1]);
    row[2] = row[2] || (settled >= 2 && committed[2]);
    row[3] = row[3] || (settled >= 3 && committed[3])
}

active proctype follower() {
    byte settled;
    bool died;
    do
    :: atomic { check_rows(); check_log() };
#ifdef BUG_NO_FENCE
        atomic {
#else
        atomic { in_flight == 0 ->                 /* the fence, alone for an instant */
#endif
            settled = (committed[3] -> 3 : (committed[2] -> 2 : (committed[1] -> 1 : 0)))
        };
        if
        :: settled <= position -> skip
        :: else ->
#ifdef BUG_POSITION_BEFORE_ROWS
            position = settled;
            if
            :: atomic { fold() }
            :: !died -> died = true                /* another process leads, from the position on */
            fi
#else
            if
            :: atomic { fold(); position = settled }
            :: !died -> died = true
            fi
#endif
        fi
    :: position == WRITERS -> break
    od;
    atomic { check_rows(); check_log() }
}

active proctype crash() {
    /* PostgreSQL comes back with what was flushed: nothing that anybody had seen is gone */
    d_step {
        crashed = true;
        committed[1] = committed[1] && flushed[1];
        committed[2] = committed[2] && flushed[2];
        committed[3] = committed[3] && flushed[3];
        check_log()
    }
}

#ifdef BUG_LOG_CAN_BE_CHANGED
active proctype somebody() {
    d_step { committed[1] -> committed[1] = false }
}
#endif
