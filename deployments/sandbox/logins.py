"""Who can log in to the OMERO stand-in: the sandbox is open to whoever sits at the machine, so this is no secret."""

PEOPLE = {"alice": "alice", "bob": "bob", "carol": "carol", "root": "omero"}
SERVICE_ACCOUNT = ("courier-service", "courier-service")
