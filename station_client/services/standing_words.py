"""What the county thinks of a write, in a clerk's words: sent or not, held, refused, and why."""

from forms import Form, Problem
from forms.problems import WORDS
from station_client.store.rows import StoredOperation
from sync_protocol.channel import HELD_CODES, REFUSED_CODES, Verdict

UNSENT = "待上报"
UNKNOWN = "其他原因（{code}）"


def standing_words(form: Form | None, stored: StoredOperation) -> str:
    """ "" once it is accepted."""
    if stored.verdict is None:
        return UNSENT
    if stored.verdict == Verdict.ACCEPTED:
        return ""
    if stored.verdict == Verdict.HELD:
        return "待核：" + HELD_CODES.get(stored.code, UNKNOWN.format(code=stored.code))
    return "未被接受：" + _refusal(form, stored.code)


def _refusal(form: Form | None, code: str) -> str:
    """`check:<field>:<problem>` names the field and what is wrong with it."""
    kind, _, rest = code.partition(":")
    register, _, problem = rest.rpartition(":")
    if kind == "check" and problem in WORDS and form is not None:
        try:
            return Problem(register, problem).words(form)
        except KeyError:  # the facts of the sentence did not travel
            return f"“{form.label(register)}”{REFUSED_CODES['check']}"
    return REFUSED_CODES.get(kind, UNKNOWN.format(code=code))
