"""Runs in Prefect: the only package of the API that knows Prefect."""

from api.prefect_runs.deeds import Deeds
from api.prefect_runs.line import Line
from api.prefect_runs.messages import Messages


class PrefectRuns(Deeds, Line, Messages):
    """Everything that the API asks of Prefect, through one client."""


__all__ = ["PrefectRuns"]
