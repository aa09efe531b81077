"""`python -m dashapp.web`: the web process alone."""

from dashapp.web.server import main

if __name__ == "__main__":
    raise SystemExit(main())
