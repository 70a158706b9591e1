"""SFTP: the host is known by its key, the login by a key or a password, and links lead nowhere else."""

import os
from pathlib import Path

import asyncssh
import pytest
from pydantic import SecretStr

from flows.core.settings import StagingArea
from tests.core.remotes.rigs import LONG_AGO, Rig, in_folder, tiff
from tests.support.far_servers import PASSWORD, Sftp


@pytest.fixture
def folder(sftp: Rig, sftp_server: Sftp) -> Path:
    return sftp_server.folder / sftp.base.rpartition("/")[2]


def codes(rig: Rig, name: str, **changes: object) -> list[str]:
    return [each.code for each in rig.expand(rig.of(name), **changes).refused]


def test_a_host_that_shows_another_key_hears_nothing_and_is_named_with_that_key(sftp: Rig, sftp_server: Sftp) -> None:
    sftp.fill(**{"cells.tif": tiff()})
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()

    (refused,) = sftp.expand(sftp.of("cells.tif"), host_keys=(other,)).refused

    assert (refused.code, refused.transient) == ("host-key-unknown", False)
    assert sftp_server.fingerprint in refused.what
    assert "host_keys" in refused.advice


def test_a_login_that_is_refused_is_for_the_operator_and_shows_no_secret(sftp: Rig) -> None:
    wrong = {"private_key": None, "password": SecretStr("n0t-the-password")}

    (refused,) = sftp.expand(sftp.of("cells.tif"), **wrong).refused

    assert (refused.code, refused.transient) == ("remote-login-refused", False)
    assert "n0t" not in str(refused)


def test_a_password_is_as_good_as_a_key(sftp: Rig) -> None:
    sftp.fill(**{"cells.tif": tiff()})

    assert codes(sftp, "cells.tif", private_key=None, password=SecretStr(PASSWORD)) == []


def test_a_key_that_is_not_there_is_told(sftp: Rig) -> None:
    assert codes(sftp, "cells.tif", private_key=Path("/none")) == ["remote-login-refused"]


def test_links_within_the_folder_are_followed_and_others_are_not(sftp: Rig, folder: Path) -> None:
    sftp.fill(**{"real/cells.tif": tiff()})
    in_folder(folder.parent)("secret.tif", tiff(), LONG_AGO)
    (folder / "today").mkdir()
    (folder / "today" / "linked.tif").symlink_to("../real/cells.tif")
    (folder / "today" / "stolen.tif").symlink_to("../../secret.tif")
    (folder / "today" / "up").symlink_to("../..")

    found = sftp.expand(sftp.of("today"))

    assert [each.files[0].client_path for each in found.filesets] == [sftp.of("today/linked.tif")]
    assert [each.files[0].path for each in found.filesets] == [sftp.of("real/cells.tif")]
    assert {each.which: each.code for each in found.refused} == {
        sftp.of("today/stolen.tif"): "source-not-allowed",
        sftp.of("today/up"): "source-not-allowed",
    }
    assert codes(sftp, "today/up/secret.tif") == ["source-not-allowed"]


def test_a_file_that_became_a_link_since_is_not_fetched(sftp: Rig, folder: Path, area: StagingArea) -> None:
    sftp.fill(**{"cells.tif": tiff()})
    in_folder(folder.parent)("secret.tif", tiff(), LONG_AGO)
    verified = sftp.verified("cells.tif")
    (folder / "cells.tif").unlink()
    (folder / "cells.tif").symlink_to("../secret.tif")
    os.utime(folder / "cells.tif", (LONG_AGO, LONG_AGO))

    with pytest.raises(Exception, match="changed"):
        sftp.staged(verified, area)


def test_a_copy_goes_on_after_the_server_was_started_anew(sftp: Rig, sftp_server: Sftp, area: StagingArea) -> None:
    content = tiff(1800)
    sftp.fill(**{"large.tif": content})
    verified = sftp.verified("large.tif")
    sftp.wire.cut_after = 3_000_000
    with pytest.raises(Exception, match="does not answer"):
        sftp.staged(verified, area)
    sftp_server.stop()
    sftp.wire.heal()
    with pytest.raises(Exception, match="does not answer"):
        sftp.staged(verified, area)
    sftp_server.start()

    assert Path(sftp.staged(verified, area).files[0].path).read_bytes() == content
