"""The collector process: `python collector.py [--store …] [--interval …]`.

Its code is in dashapp/collector/.
"""

from dashapp.collector.service import main

if __name__ == "__main__":
    raise SystemExit(main())
