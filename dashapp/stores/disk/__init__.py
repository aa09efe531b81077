"""The store in a folder: a diskcache log, SQLite blocks and a memory-mapped tail."""
