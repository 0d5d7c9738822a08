"""Tests of the client role, against real devices on real sockets."""
