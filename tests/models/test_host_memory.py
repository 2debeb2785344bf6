"""Freed memory is kept for a while, once, and given back, whatever happens inside."""

import platform

import pytest

from presoftmax.models.fast import host_memory
from presoftmax.models.fast.host_memory import keep_freed_memory


class Library:
    def __init__(self):
        self.calls = []

    def mallopt(self, setting, value):
        self.calls.append((setting, value))

    def malloc_trim(self, pad):
        self.calls.append("trim")


def test_only_the_outermost_use_sets_and_undoes_it(monkeypatch):
    library = Library()
    monkeypatch.setattr(host_memory, "_glibc", lambda: library)
    kept = keep_freed_memory()
    kept.__enter__()
    assert library.calls == [(-3, 2**30), (-1, 2**31 - 1)]
    with keep_freed_memory():
        pass
    assert len(library.calls) == 2
    assert not kept.__exit__(ValueError, ValueError("of the job"), None), "the error goes on"
    assert library.calls[2:] == [(-3, 2**25), (-1, 2**26), "trim"]


def test_nothing_happens_where_there_is_no_glibc(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with keep_freed_memory():
        pass


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_glibc_takes_the_settings():
    library = host_memory._glibc()
    assert library is not None
    assert library.mallopt(-1, host_memory._USUAL_TRIM) == 1
