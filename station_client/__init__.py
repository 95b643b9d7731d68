"""The clerk's desktop program: encrypted store, local pages, exchange with the county. Never imports the hub."""
