"""The node: sockets, transactions, encoding and errors of one BACnet/IP station.

Knows nothing of Home Assistant, nor of the two roles above it.
"""
