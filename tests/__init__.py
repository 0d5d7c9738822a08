"""Tests of the BACnet integration."""
