"""`python -m hub_server` is `bianmin-hub`."""

from hub_server.cli import main

if __name__ == "__main__":
    main()
