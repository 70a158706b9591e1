"""Shows what runs where, and something to try."""

import sys
from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.sandbox.home import Home, Running

_WIDTH_WITHOUT_A_TERMINAL = 160


def console(*, record: bool = False) -> Console:
    """Return a console that in a file or a pipe writes plain text, wide enough for paths."""
    width = None if sys.stdout.isatty() else _WIDTH_WITHOUT_A_TERMINAL
    return Console(width=width, highlight=False, record=record, emoji=False)


def print_rows(out: Console, headings: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", box=SIMPLE)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def show(running: Running, home: Home, *, seconds: float) -> None:
    """Print the table."""
    out = console()
    out.print()
    print_rows(out, ("what", "where", "how"), _rows(running, home), f"The courier's sandbox, up after {seconds:.0f} s")
    out.print("Ctrl-C stops everything; the data stays.")


def _rows(running: Running, home: Home) -> Sequence[tuple[str, str, str]]:
    people = ", ".join(f"{user} / {password}" for user, password in running.logins.items())
    omero = f"{running.omero_host}:{running.omero_ssl_port} (ssl), :{running.omero_port} (tcp)"
    return (
        ("API", f"{running.api}/docs", f"OMERO logins: {people}"),
        ("Prefect UI", running.prefect, "no login in the sandbox"),
        ("OMERO stand-in", omero, f"the same logins; faults: {running.omero_control}"),
        ("folders to import from", f"{home.shares}/USER", "each user their own"),
        ("folder that imports itself", f"{home.watched}/USER/PROJECT/DATASET", "swept twice a minute"),
        ("mails", str(home.mails), f"SMTP at 127.0.0.1:{running.smtp_port}, delivers nowhere"),
        ("database", f"psql -h {running.database} -U postgres", "no password, this account only"),
        ("settings", str(home.settings), "COURIER_ENV_FILE for commands of your own"),
        ("logs", str(home.logs), "one per part"),
    )
