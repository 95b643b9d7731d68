"""What stations call: bytes in, one service, bytes out. Answers in JSON only to say what is wrong.

Knows nothing of what is in the bytes.
"""

from hub_server.api.routes import register

__all__ = ["register"]
