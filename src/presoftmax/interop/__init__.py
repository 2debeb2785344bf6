"""Anybody's attacks: what they do, recorded as our own loop records."""

from presoftmax.interop.recording import Recording, record

__all__ = ["Recording", "record"]
