"""Fixtures of all tests: each module of `tests/support` provides one neighbour."""

pytest_plugins: list[str] = [
    "tests.support.api",
    "tests.support.engine",
    "tests.support.courier",
    "tests.support.images",
    "tests.support.mail",
    "tests.support.sandbox",
    "tests.support.understudy",
]
