"""The clerk's desktop program: encrypted store, local pages, exchange with the county.

It never imports `hub_server`. Inside: ui → services → store; `app.py` is the only wiring.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("bianmin")
except PackageNotFoundError:  # started from a plain checkout that nobody installed
    __version__ = "0+checkout"
