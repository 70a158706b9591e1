"""The checksums of OMERO, held by OMERO's own test vectors (omero-common: *ChecksumProviderImplTest)."""

from pathlib import Path

import pytest

from deployments.sandbox.understudy.checksums import ALGORITHMS, checksum

ABC = {
    "SHA1-160": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "MD5-128": "900150983cd24fb0d6963f7d28e17f72",
    "Murmur3-128": "6778ad3f3f3f96b4522dca264174a23b",
    "Murmur3-32": "fa93ddb3",
    "CRC-32": "c2412435",
    "Adler-32": "27014d02",
    "File-Size-64": "0300000000000000",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_file_has_the_checksum_that_omero_writes(algorithm: str, tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")

    assert checksum(file, algorithm) == ABC[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_grows_with_its_bytes(algorithm: str) -> None:
    digest = ALGORITHMS[algorithm]()
    for part in (b"a", b"", b"bc"):
        digest.update(part)

    assert digest.hexdigest() == ABC[algorithm]
