"""Stores: the protocol, the archive of blocks, and the factory that opens a backend."""
