"""`oncelink restore-tallies`: writes the tallies of teams as the log counts them."""

from api.cli.command_context import Json, explain_errors, print_answer, use_services
from replay.tally_restoration import restore_tallies as restore


def restore_tallies(as_json: Json = False) -> None:
    """Count the meetings of teams again from the log, and write what `oncelink verify` found to differ."""
    with explain_errors(), use_services() as services:
        restored = restore(services.database)
        teams = [{"team_id": str(tally.team_id), "members": tally.members} for tally in restored]
        sentence = (
            f"Wrote the tallies of {len(restored)} team{'' if len(restored) == 1 else 's'} as the log counts them."
        )
        print_answer(as_json, {"teams": teams}, sentence if restored else "Every tally is as the log counts it.")
