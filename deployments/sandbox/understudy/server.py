"""Puts an understudy together: data directory, Ice endpoints, router, the hook around every call."""

import logging
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import Glacier2
import Ice
import omero
import omero.all
import omero.rtypes

from deployments.sandbox.understudy.access import PRIVILEGES
from deployments.sandbox.understudy.accounts import Passwords, Seeder, read_seed
from deployments.sandbox.understudy.certificate import FILE, PASSWORD, ensure_certificate
from deployments.sandbox.understudy.checksums import ALGORITHMS
from deployments.sandbox.understudy.database import Database
from deployments.sandbox.understudy.faults import Faults
from deployments.sandbox.understudy.house import House
from deployments.sandbox.understudy.options import Options
from deployments.sandbox.understudy.people import People
from deployments.sandbox.understudy.registry import Registry
from deployments.sandbox.understudy.router import Router
from deployments.sandbox.understudy.rows import Row
from deployments.sandbox.understudy.seen import PIXEL_TYPES
from deployments.sandbox.understudy.sessions import Session, Sessions, Times
from deployments.sandbox.understudy.templates import TEMPLATE
from flows.core.bioformats import bioformats_of
from flows.core.settings import BioFormats

log = logging.getLogger(__name__)

ENUMERATIONS = {
    "ChecksumAlgorithm": tuple(ALGORITHMS),
    "AdminPrivilege": PRIVILEGES,
    "JobStatus": (
        "Submitted",
        "Resubmitted",
        "Queued",
        "Requeued",
        "Running",
        "Error",
        "Waiting",
        "Finished",
        "Cancelled",
    ),
    "EventType": ("Bootstrap", "Import", "Internal", "Shoola", "User", "Task", "Test", "Processing"),
    "PixelsType": tuple(PIXEL_TYPES.values()),
    "DimensionOrder": ("XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"),
    "Format": ("TIFF", "OMETiff", "Operetta", "Zarr"),
}


class Server:
    """A running understudy."""

    def __init__(self, options: Options) -> None:
        self.options = options
        folder = options.data
        (folder / "ManagedRepository").mkdir(parents=True, exist_ok=True)
        ensure_certificate(folder / "tls")
        self.faults = Faults(options.latency_call, options.latency_write, strict_stores=options.strict_stores)
        self._communicator = _communicator(folder / "tls")
        self._adapter = self._make_adapter()
        self.house = self._make_house(folder)
        self.house.sessions.on_end = self._session_ended
        self._router = Router(self.house)
        self.house.drop_connections = self._router.drop_connections
        self.house.registry.publish("OMERO.Glacier2", "router", Glacier2.Router, self._router)

    def _make_adapter(self) -> Any:
        options = self.options
        endpoints = f"tcp -h {options.host} -p {options.port}:ssl -h {options.host} -p {options.ssl_port}"
        return self._communicator.createObjectAdapterWithEndpoints("Understudy", endpoints)

    def _make_house(self, folder: Path) -> House:
        database = Database(folder / "understudy.sqlite")
        seed = read_seed(self.options.users)
        with database.transaction() as transaction:
            for kind, values in ENUMERATIONS.items():
                known = {row.get("value") for row in database.table(kind)}
                for value in (value for value in values if value not in known):
                    transaction.put(Row(kind, transaction.new_ref(kind), {"value": value}))
            Seeder(database, transaction).apply(seed)
        options = self.options
        sessions = Sessions(
            People(database),
            defaults=Times(options.session_live, options.session_idle),
            limits=Times(options.session_max_live, options.session_max_idle),
        )
        return House(
            options=options,
            database=database,
            sessions=sessions,
            passwords=Passwords(seed),
            faults=self.faults,
            registry=Registry(self._adapter, self._around),
            config=self._config(folder),
            bioformats=bioformats_of(BioFormats(enabled=options.bioformats)),
            background=threading.Semaphore(options.background_threads),
        )

    def _config(self, folder: Path) -> dict[str, str]:
        """What IConfig says; also names the database and the repository, for good."""
        name_file = folder / "uuid"
        if not name_file.exists():
            name_file.write_text(str(uuid.uuid4()), encoding="ascii")
        name = name_file.read_text(encoding="ascii")
        return {
            "omero.server.name": "Understudy: this is not OMERO",
            "omero.db.uuid": name,
            "understudy.repository.uuid": str(uuid.uuid5(uuid.UUID(name), "ManagedRepository")),
            "omero.fs.repo.path": TEMPLATE,
            "omero.sessions.timeout": str(self.options.session_idle),
            "omero.sessions.maximum": str(self.options.session_live),
            "omero.threads.background_threads": str(self.options.background_threads),
            "omero.threads.background_timeout": str(self.options.background_timeout),
            "omero.router.insecure": f"OMERO.Glacier2/router:tcp -p {self.ports[0]} -h @omero.host@",
        }

    @property
    def ports(self) -> tuple[int, int]:
        """Tcp and ssl, as they were really taken."""
        tcp, ssl = (endpoint.getInfo() for endpoint in self._adapter.getEndpoints())
        return tcp.port, (ssl.underlying if getattr(ssl, "underlying", None) else ssl).port

    def start(self) -> None:
        """Answer from now on."""
        self._adapter.activate()
        log.info("The understudy answers on ports %s and %s. It is not OMERO.", *self.ports)

    def stop(self) -> None:
        """Orderly: running calls are finished, the database is closed."""
        self.faults.let_go()
        self.faults.thaw()
        self._communicator.destroy()
        self.house.database.close()
        if self.house.bioformats is not None:
            self.house.bioformats.close()

    def _around(self, implementation: Any, operation: str, current: Any, proceed: Callable[[], Any]) -> Any:
        """Every call passes here."""
        session = getattr(implementation, "session", None)
        agent = (session.agent if session is not None else None) or ""
        self.faults.before(operation, current, type(implementation).__name__, agent)
        if session is not None:
            if not self._router.admits(current.con, session):
                raise Ice.ObjectNotExistException
            self.house.sessions.use(session)
        return proceed()

    def _session_ended(self, session: Session) -> None:
        for servant in self.house.registry.withdraw_all(session.uuid):
            if hasattr(servant, "abandon"):
                servant.abandon()
        self.house.registry.withdraw_everywhere(session.uuid)


def _communicator(tls: Path) -> Any:
    """Ice with OMERO's message size, its object factories, and our certificate."""
    setup = Ice.InitializationData()
    setup.properties = Ice.createProperties()
    for name, value in {
        "Ice.MessageSizeMax": "250000",
        "Ice.ThreadPool.Server.Size": "8",
        "Ice.ThreadPool.Server.SizeMax": "64",
        "Ice.ACM.Server.Timeout": "60",
        "Ice.Warn.Connections": "0",
        "Ice.Warn.Dispatch": "0",
        "Ice.CacheMessageBuffers": "0",
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
        "IceSSL.VerifyPeer": "0",
        "IceSSL.DefaultDir": str(tls.resolve()),
        "IceSSL.CertFile": FILE,
        "IceSSL.Password": PASSWORD,
        "IceSSL.Protocols": "TLS1_0, TLS1_1, TLS1_2",
        "IceSSL.Ciphers": "HIGH:!LOW:!MD5:!EXP:!3DES:@STRENGTH",
    }.items():
        setup.properties.setProperty(name, value)
    communicator = Ice.initialize(setup)
    omero.ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
    for factory in omero.rtypes.ObjectFactories.values():
        factory.register(communicator)
    return communicator
