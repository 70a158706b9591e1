"""Checksums as OMERO writes them; the expected values are those of omero-common's own tests."""

import hashlib

import pytest

from flows.core.checksums import ALGORITHMS, new_hash

OF_ABC = {
    "SHA1-160": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "MD5-128": "900150983cd24fb0d6963f7d28e17f72",
    "Murmur3-128": "6778ad3f3f3f96b4522dca264174a23b",
    "Murmur3-32": "fa93ddb3",
    "CRC-32": "c2412435",
    "Adler-32": "27014d02",
    "File-Size-64": "0300000000000000",
}
OF_NOTHING = {
    "SHA1-160": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "MD5-128": "d41d8cd98f00b204e9800998ecf8427e",
    "Murmur3-128": "00000000000000000000000000000000",
    "Murmur3-32": "00000000",
    "CRC-32": "00000000",
    "Adler-32": "01000000",
    "File-Size-64": "0000000000000000",
}


def test_every_algorithm_that_the_settings_know_is_there():
    assert set(ALGORITHMS) == set(OF_ABC)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bytes_in_one_piece_or_several_give_omeros_form(algorithm):
    whole, pieces = new_hash(algorithm), new_hash(algorithm)
    whole.update(b"abc")
    pieces.update(b"a")
    pieces.update(memoryview(b"bc"))

    assert whole.hexdigest() == pieces.hexdigest() == OF_ABC[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_bytes_give_omeros_form(algorithm):
    assert new_hash(algorithm).hexdigest() == OF_NOTHING[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_hashes_do_not_share_their_state(algorithm):
    first, second = new_hash(algorithm), new_hash(algorithm)
    first.update(hashlib.sha1(b"something").digest())

    assert second.hexdigest() == OF_NOTHING[algorithm]
