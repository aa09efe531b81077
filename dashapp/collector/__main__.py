"""`python -m dashapp.collector`: the collector process alone."""

from dashapp.collector.service import main

if __name__ == "__main__":
    raise SystemExit(main())
