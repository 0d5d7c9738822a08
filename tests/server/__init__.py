"""The server role on real sockets, with independent stacks as its clients."""
