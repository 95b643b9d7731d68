"""A promise that was broken. The numbers are those of PROTOCOL.md, section 2."""


class Violation(Exception):
    """Which promise (0: an error that should not have been), and how it was broken."""

    def __init__(self, promise: int, text: str) -> None:
        super().__init__(promise, text)
        self.promise = promise
        self.text = text

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.text}"


def require(holds: bool, promise: int, text: str) -> None:
    if not holds:
        raise Violation(promise, text)
