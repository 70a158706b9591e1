import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from flows.core.errors import SealBroken
from flows.core.seal import CarriedSession, SessionHandle, carried_session_name, reseal, seal, unseal

KEY = "5b0e8a3c-7a3b-4b57-9a54-1f6f0f3c1b0a"
HANDLE = SessionHandle(server="main", user="alice", key=SecretStr(KEY))


def a_key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


def test_what_was_sealed_comes_back() -> None:
    keys = [a_key()]

    assert unseal(seal(HANDLE, keys), SessionHandle, keys) == HANDLE


def test_a_sealed_session_shows_nothing() -> None:
    sealed = seal(HANDLE, [a_key()])

    assert KEY not in sealed
    assert "alice" not in sealed


def test_a_session_is_masked_wherever_it_is_printed_or_dumped() -> None:
    assert KEY not in f"{HANDLE!r} {HANDLE} {HANDLE.model_dump()} {HANDLE.model_dump_json()}"


def test_the_first_key_seals_and_older_keys_still_open() -> None:
    old, new = a_key(), a_key()

    assert unseal(seal(HANDLE, [old]), SessionHandle, [new, old]) == HANDLE
    assert unseal(seal(HANDLE, [new, old]), SessionHandle, [new]) == HANDLE


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda sealed: sealed[:-3] + "AA=", id="altered"),
        pytest.param(lambda sealed: sealed[:50], id="cut off"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "ünsinn \ud800", id="no Fernet token"),
        pytest.param(lambda _: seal(HANDLE, [a_key()]), id="sealed with a key of somebody else"),
    ],
)
def test_what_was_not_sealed_by_us_is_refused(change) -> None:
    keys = [a_key()]

    with pytest.raises(SealBroken, match="altered, or the key that sealed it is gone"):
        unseal(change(seal(HANDLE, keys)), SessionHandle, keys)


def test_a_carried_session_cannot_be_used_as_a_handle() -> None:
    keys = [a_key()]
    carried = CarriedSession(server="main", user="alice", key=SecretStr(KEY))

    with pytest.raises(SealBroken, match="another purpose"):
        unseal(seal(carried, keys), SessionHandle, keys)


def test_the_variable_of_a_run_does_not_give_its_idempotency_key_away() -> None:
    name = carried_session_name("microscope-3/2026-11-23")

    assert name.startswith("courier-session-")
    assert "microscope" not in name
    assert name == carried_session_name("microscope-3/2026-11-23") != carried_session_name("another")


def test_what_an_older_key_sealed_is_sealed_again_with_the_newest() -> None:
    old, new = a_key(), a_key()

    again = reseal(seal(HANDLE, [old]), [new, old])

    assert unseal(again, SessionHandle, [new]) == HANDLE
    assert reseal(again, [new, old]) == again


def test_what_no_key_opens_cannot_be_sealed_again() -> None:
    with pytest.raises(SealBroken):
        reseal(seal(HANDLE, [a_key()]), [a_key(), a_key()])
