"""Measurements behind the course's claims; run by hand, never by the tests."""
