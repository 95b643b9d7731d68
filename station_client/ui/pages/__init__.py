"""The pages, by what they are about: one action one function, all of them listed in `routes.py`."""
