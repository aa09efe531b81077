"""The collector process: `python collector.py [--store …] [--interval …]`; its code: dashapp/collector.py."""

from dashapp.collector import main

if __name__ == "__main__":
    raise SystemExit(main())
