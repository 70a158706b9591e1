"""An id is known again, and nobody can make one up."""

from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from api.smuggler.capabilities import IMPORT, MAIL, Named, make_id, read_id

A_RUN = "0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f"
OLD, NEW = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))


def test_an_id_is_known_again_and_fits_into_a_path() -> None:
    named = Named(uuid4(), 511)

    written = make_id(IMPORT, named, [OLD])

    assert read_id(IMPORT, written, [OLD]) == named
    assert len(written) == 46
    assert set(written) & set("/+=%") == set()


def test_a_new_key_leaves_older_ids_good_until_the_old_one_is_taken_away() -> None:
    named = Named(uuid4(), 0)
    written = make_id(IMPORT, named, [OLD])

    assert read_id(IMPORT, written, [NEW, OLD]) == named
    assert read_id(IMPORT, written, [NEW]) is None


def test_an_id_of_another_run_source_or_kind_is_none() -> None:
    run = uuid4()
    written = make_id(IMPORT, Named(run, 1), [OLD])
    others = [make_id(IMPORT, Named(uuid4(), 1), [OLD]), make_id(IMPORT, Named(run, 2), [OLD])]

    assert [read_id(IMPORT, each[:24] + written[24:], [OLD]) for each in others] == [None, None]
    assert read_id(MAIL, written, [OLD]) is None


@pytest.mark.parametrize(
    "text", ["", "x", "no id", "ä" * 46, "A" * 46, "A" * 400, "0192f0c1-7a1b-7c3d-8e4f-5a6b7c8d9e0f", "A" * 45 + "\0"]
)
def test_what_was_not_made_here_is_none(text: str) -> None:
    assert read_id(IMPORT, text, [OLD]) is None
