"""IConfig: what the server says of itself."""

import re
from typing import Any

from omero.rtypes import rtime

from deployments.sandbox.understudy.house import SessionService
from deployments.sandbox.understudy.saving import milliseconds

VERSION = "5.6.13"
"""Clients compare it with their own; `omero.server.name` says the truth."""


class Config(SessionService):
    """Read only."""

    def getVersion(self, _current: Any) -> Any:  # noqa: N802
        """A version that clients accept."""
        return VERSION

    def getConfigValue(self, key: str, _current: Any) -> Any:  # noqa: N802
        """A property; empty when unknown."""
        return self.house.config.get(key, "")

    def getConfigValues(self, pattern: str, _current: Any) -> Any:  # noqa: N802
        """The properties whose names begin like the regular expression."""
        return {key: value for key, value in self.house.config.items() if re.match(pattern, key)}

    def getClientConfigValues(self, _current: Any) -> Any:  # noqa: N802
        """What clients may read."""
        return {key: value for key, value in self.house.config.items() if key.startswith("omero.client.")}

    def getClientConfigDefaults(self, _current: Any) -> Any:  # noqa: N802
        """None are set."""
        return {}

    def getDatabaseUuid(self, _current: Any) -> Any:  # noqa: N802
        """Names this database."""
        return self.house.config["omero.db.uuid"]

    def getServerTime(self, _current: Any) -> Any:  # noqa: N802
        """Now."""
        return rtime(milliseconds())

    def getDatabaseTime(self, _current: Any) -> Any:  # noqa: N802
        """Now."""
        return rtime(milliseconds())
