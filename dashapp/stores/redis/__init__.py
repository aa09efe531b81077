"""The store in Redis: a stream per host, blocks, a writer lease and a fast client."""
