"""`python -m station_client`, and the entry of the bundled program."""

from station_client.cli import main

main()
