"""What the page about operating shows is so: the proxy in front of the API."""

import re
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from api.smuggler.models import MAX_BATCH_BYTES
from flows.core.settings import read_settings

from .markdown import ROOT, fences

PAGE = (ROOT / "docs" / "operations.md").read_text().partition("## HTTPS, and a proxy in front")[2]


def test_the_settings_of_a_proxy_elsewhere_load(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {
        "COURIER_SERVERS__MAIN__HOST": "omero.example.org",
        "COURIER_SEAL_KEYS": f'["{Fernet.generate_key().decode()}"]',
    }
    for name, value in {**needed, **dotenv_values(stream=StringIO(fences(PAGE, "ini")[0].text))}.items():
        monkeypatch.setenv(name, str(value))

    http = read_settings().http

    assert (http.host, http.proxies) == ("192.0.2.10", ("192.0.2.5",))


def test_the_proxy_lets_through_what_the_interface_takes() -> None:
    shown = fences(PAGE, "nginx")[0].text
    most = re.findall(r"client_max_body_size (\d+)m;", shown)

    assert int(most[0]) * 2**20 >= MAX_BATCH_BYTES
    assert "proxy_pass http://127.0.0.1:8000;" in shown
    assert shown.count("{") == shown.count("}")
