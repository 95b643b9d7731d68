"""How copies agree: bytes in, values out.

No file, socket, clock or randomness here: times, random bytes and policies are arguments, what to
store is a return value. The package knows neither the forms nor the databases of either program.
PROTOCOL.md is the specification; exchange.py shows one exchange on one screen.
"""
