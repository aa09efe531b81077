"""Sources that read what other programs provide: exporters, pipes, files, quotes."""
