"""Runs in Prefect: the only package of the API that knows Prefect."""

from api.prefect_runs.counts import Counting
from api.prefect_runs.deeds import Deeds
from api.prefect_runs.messages import Messages
from api.prefect_runs.sweeps import Sweeps


class PrefectRuns(Deeds, Counting, Messages, Sweeps):
    """Everything that the API asks of Prefect, through one client."""


__all__ = ["PrefectRuns"]
