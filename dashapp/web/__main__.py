"""`python -m dashapp.web`: the web process alone."""

if __name__ == "__main__":
    from dashapp.web.server import main

    raise SystemExit(main())
