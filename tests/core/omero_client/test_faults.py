"""What Ice and OMERO raise or answer, in the courier's words."""

import traceback

import Glacier2
import Ice
import omero
import omero.clients
import pytest

from flows.core import errors
from flows.core.omero_client.faults import Refusal, failure_of, failure_of_answer, means_lost, speaking_to

KEY = "0f7a3c9e-1b2d-4c3e-9f40-5a6b7c8d9e0f"

RAISED = [
    (Ice.ConnectionRefusedException(error=111), errors.OmeroUnavailable),
    (Ice.ConnectTimeoutException(), errors.OmeroUnavailable),
    (Ice.ConnectionLostException(error=0), errors.OmeroUnavailable),
    (Ice.ConnectionTimeoutException(), errors.OmeroUnavailable),
    (Ice.SocketException(error=104), errors.OmeroUnavailable),
    (Ice.DNSException(error=0, host="nowhere"), errors.OmeroUnavailable),
    (Ice.InvocationTimeoutException(), errors.OmeroUnavailable),
    (Ice.CloseConnectionException(), errors.OmeroUnavailable),
    (Ice.CommunicatorDestroyedException(), errors.OmeroUnavailable),
    (Ice.SecurityException(reason="handshake"), errors.OmeroUnavailable),
    (omero.ClientError("Obtained null object prox"), errors.OmeroUnavailable),
    (omero.ShutdownInProgress(), errors.OmeroUnavailable),
    (Ice.ObjectNotExistException(), errors.SessionLost),
    (omero.RemovedSessionException(), errors.SessionLost),
    (omero.SessionTimeoutException(), errors.SessionLost),
    (Glacier2.SessionNotExistException(), errors.SessionLost),
    (omero.DatabaseBusyException(), errors.OmeroBusy),
    (omero.LockTimeout(), errors.OmeroBusy),
    (omero.TryAgain(), errors.OmeroBusy),
    (omero.MissingPyramidException(), errors.OmeroBusy),
    (omero.OptimisticLockException(), errors.OmeroBusy),
    (omero.WrappedCreateSessionException("", True, 100, "omero.TryAgain"), errors.OmeroBusy),
    (omero.WrappedCreateSessionException("", False, 0, "omero.SecurityViolation"), errors.LoginRefused),
    (omero.WrappedCreateSessionException("", False, 0, "omero.InternalException"), errors.OmeroFault),
    (omero.InternalException(), errors.OmeroFault),
    (Ice.UnknownException(), errors.OmeroFault),
    (Ice.UnknownLocalException(), errors.OmeroFault),
    (Glacier2.CannotCreateSessionException("no database"), errors.OmeroFault),
    (omero.ResourceError(), errors.OmeroFull),
    (omero.ChecksumValidationException(), errors.UploadCorrupted),
    (omero.FilePathNamingException(), errors.ImportRefused),
    (omero.ValidationException(), errors.OmeroMisused),
    (omero.ApiUsageException(), errors.OmeroMisused),
    (omero.OverUsageException(), errors.OmeroMisused),
    (omero.QueryException(), errors.OmeroMisused),
    (Ice.OperationNotExistException(), errors.OmeroMisused),
    (omero.SecurityViolation(), errors.NotPermitted),
    (omero.GroupSecurityViolation(), errors.NotPermitted),
    (omero.ReadOnlyGroupSecurityViolation(), errors.NotPermitted),
    (Glacier2.PermissionDeniedException("no"), errors.LoginRefused),
    (omero.AuthenticationException("no"), errors.LoginRefused),
    (omero.ExpiredCredentialException("no"), errors.LoginRefused),
]

ANSWERED = [
    ("import-unknown-format", "loci.formats.UnknownFormatException: x", errors.ImportRefused),
    ("import-missing-library", "loci.formats.MissingLibraryException: jpeg", errors.ImportRefused),
    ("import-file-exception", "loci.formats.FormatException: bad IFD", errors.ImportRefused),
    ("import-file-exception", "java.io.EOFException: x", errors.ImportRefused),
    ("import-file-exception", "java.io.IOException: share went away", errors.OmeroFault),
    ("error-on-init", "java.lang.NullPointerException: x", errors.OmeroFault),
    (
        "error-on-init",
        "java.lang.RuntimeException: x\nCaused by: loci.formats.FormatException: y",
        errors.ImportRefused,
    ),
    ("import-request-failure", "java.lang.RuntimeException: x", errors.OmeroFault),
    ("import-request-failure", "java.io.IOException: No space left on device", errors.OmeroFull),
    ("cancel-called", "", errors.SessionLost),
    ("graph-fail", "ome.services.graphs.GraphException: x", errors.OmeroFault),
]


@pytest.mark.parametrize(("raised", "kind"), RAISED, ids=[type(each).__name__ for each, _ in RAISED])
def test_an_exception_has_one_meaning_and_keeps_its_name(raised, kind):
    failure = failure_of(raised, doing="trying it")

    assert type(failure) is kind
    assert type(raised).__name__ in failure.what
    assert "trying it" in failure.what


@pytest.mark.parametrize(("name", "trace", "kind"), ANSWERED, ids=[f"{name} {trace}" for name, trace, _ in ANSWERED])
def test_an_answer_has_one_meaning_and_keeps_its_name_but_not_the_trace(name, trace, kind):
    failure = failure_of_answer(Refusal(name, "said so", f"{trace}\n\tat ome.Blitz(Blitz.java:1)"), doing="importing")

    assert type(failure) is kind
    assert f"{name}: said so" in failure.what
    assert "Blitz" not in failure.what


def test_omeros_own_words_are_kept_but_not_its_stack_trace():
    raised = omero.SecurityViolation("at ome.security.Basic(Basic.java:1)", "ome.Security", "Cannot write\nmore")

    failure = failure_of(raised, doing="saving")

    assert failure.what.endswith("omero.SecurityViolation: Cannot write)")


@pytest.mark.parametrize(
    "raised",
    [
        omero.RemovedSessionException(f"at {KEY}", "RemovedSession", f"No session with uuid: {KEY}"),
        Ice.ObjectNotExistException(id=Ice.Identity(KEY, f"session-{KEY}"), facet="", operation="write"),
        Ice.UnknownException(unknown=f"lost {KEY.upper()}"),
        Glacier2.PermissionDeniedException(f"no such session {KEY}"),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_no_session_key_is_in_the_failure_or_in_the_traceback_with_its_cause(raised):
    with pytest.raises(errors.CourierError) as caught, speaking_to("omero.example.org", doing="trying it"):
        raise raised

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__cause__)
    assert KEY not in shown.lower()


def test_only_a_lost_session_or_server_means_that_nothing_more_can_be_asked():
    assert means_lost(errors.SessionLost())
    assert means_lost(errors.OmeroUnavailable())
    assert not means_lost(errors.OmeroFault())


def test_what_is_not_omeros_passes_through():
    with pytest.raises(KeyError), speaking_to("omero.example.org", doing="trying it"):
        raise KeyError("ours")
