"""S3: checksums that the service tells, keys that it refuses, buckets that are not there."""

import pytest
from pydantic import SecretStr

from flows.core.errors import CopyDiffers
from flows.core.remotes import Place, Promise
from flows.core.remotes.s3 import S3Store
from flows.core.settings import StagingArea
from tests.core.remotes.rigs import Rig, tiff
from tests.core.transfer.arrangement import left_in
from tests.support.far_servers import S3


def look(rig: Rig, name: str) -> Promise | None:
    place = Place.parse(rig.remote.url)
    store = S3Store(rig.remote, place)
    try:
        return store.look(f"/data/{name}", name).promise
    finally:
        store.close()


def test_the_checksum_of_the_service_is_found_whatever_it_is_kept_as(s3: Rig, s3_server: S3) -> None:
    client, bucket = s3_server.client(), Place.parse(s3.base).authority
    client.put_object(Bucket=bucket, Key="data/plain", Body=b"cells")
    client.put_object(Bucket=bucket, Key="data/sha256", Body=b"cells", ChecksumAlgorithm="SHA256")
    upload = client.create_multipart_upload(Bucket=bucket, Key="data/parts")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="data/parts", PartNumber=1, UploadId=upload, Body=b"cells")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(Bucket=bucket, Key="data/parts", UploadId=upload, MultipartUpload=parts)

    found = {name: look(s3, name) for name in ("plain", "sha256", "parts")}

    assert found["plain"] is not None
    assert found["sha256"] is not None
    assert found["sha256"].algorithm == "sha256"
    assert found["parts"] is None or found["parts"].algorithm != "md5"


def test_a_copy_that_is_not_what_the_service_promised_is_thrown_away(
    s3: Rig, area: StagingArea, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.fill(**{"cells.tif": tiff()})
    verified = s3.verified("cells.tif")
    monkeypatch.setattr("flows.core.remotes.s3._promise", lambda *_: Promise("md5", "0" * 32))

    with pytest.raises(CopyDiffers):
        s3.staged(verified, area)

    assert left_in(area) == []


def test_a_bucket_that_is_not_there_is_told(s3: Rig) -> None:
    found = s3.expand("s3://none-of-that-name/data/cells.tif", url="s3://none-of-that-name/data")

    assert [each.code for each in found.refused] == ["source-missing"]


def test_without_keys_it_is_asked_as_anyone_may(s3: Rig) -> None:
    s3.fill(**{"cells.tif": tiff()})

    assert s3.expand(s3.of("cells.tif"), access_key=None, secret_key=None).refused == ()


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_a_key_that_is_refused_is_for_the_operator(s3: Rig, code: str) -> None:
    store = S3Store(s3.remote.model_copy(update={"secret_key": SecretStr("n0t")}), Place.parse(s3.remote.url))
    failed = PermissionError(code)
    failed.__cause__ = type("ClientError", (Exception,), {"response": {"Error": {"Code": code}}})()

    with pytest.raises(Exception, match="refuses the access key") as told, store.telling("s3://bucket/x"):
        raise failed

    assert "n0t" not in str(told.value)
