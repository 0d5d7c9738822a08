"""The client role: finds devices, reads them, follows their changes, writes to them.

Knows nothing of Home Assistant, nor of the server role.
"""
