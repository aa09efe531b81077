"""`python -m dashapp.web`: the web process alone."""

import gc
import sys

if __name__ == "__main__":
    # These imports create no garbage, so collections only take time.
    gc.disable()
    # If it is installed, Dash imports it for charts in notebooks: 9 MB and a tenth of a second.
    sys.modules["IPython"] = None  # type: ignore[assignment]
    from dashapp.web.server import main

    del sys.modules["IPython"]
    gc.enable()
    raise SystemExit(main())
