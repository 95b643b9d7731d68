"""What the county thinks of a write, in a clerk's words: sent or not, held, refused, and why; whom
a held one waits for; and what a desk does to which the county delivers nothing."""

from dataclasses import dataclass
from typing import Literal

from forms import Form, Problem
from forms.problems import WORDS
from station_client.store.rows import StoredOperation
from sync_protocol.channel import HELD_CODES, REFUSED_CODES, Verdict, county_reason

UNSENT = "待上报"
UNKNOWN = "其他原因（{code}）"


@dataclass(frozen=True)
class HeldBy:
    """Who ends the waiting, and what the clerk does meanwhile."""

    actor: Literal["clerk", "county", "nobody"]
    advice: str


_ASK = "请等县级决定；急用时联系县级。内容都在，不会丢失。"
_AGAIN = "本机会以新的编号再次上报；仍没有生效的由县级决定，急用时联系县级。内容都在，不会丢失。"
_HELD_BY = {
    "gap": HeldBy("nobody", "不用做什么，前面的记录到达后自动处理。"),
    "form": HeldBy("county", "不用做什么，县级平台升级后自动处理。"),
    "record": HeldBy("county", "不用做什么，所属记录处理后自动处理。"),
    "fork": HeldBy("county", _AGAIN),
    "frozen": HeldBy("county", _AGAIN),
}

STANDINGS = {
    "revoked": (
        "这台电脑的启用资格已被撤销，县级不再下发数据。已登记的内容都在本机，请不要删除任何文件。"
        "请联系县级说明情况；要继续使用，请向县级申请新的启用码。"
    ),
    "frozen": (
        "县级发现有另一台电脑在用本机数据的副本，已暂停与本机同步。可以继续登记，内容存在本机。"
        "请不要在两台电脑上使用同一份数据，并联系县级运维人员处理。"
    ),
    "waiting": (
        "本站有两台电脑用过同一份数据，县级要核对后才恢复与本机的同步。可以继续登记，内容存在本机。"
        "请联系县级运维人员，说明哪一台是真正在用的。"
    ),
    "retired": (
        "本机已向县级办理停用，县级不再下发数据。请在“关停本机”页封存或销毁本机数据；"
        "停用后恢复过备份、不能封存的，请联系县级运维人员。"
    ),
}
"""Why the county delivers nothing, and what to do."""


def standing_words(form: Form | None, stored: StoredOperation) -> str:
    """ "" once it is accepted."""
    if stored.verdict is None:
        return UNSENT
    if stored.verdict == Verdict.ACCEPTED:
        return ""
    kind = "待核" if stored.verdict == Verdict.HELD else "未被接受"
    return f"{kind}：{reason_words(form, stored)}"


def reason_words(form: Form | None, stored: StoredOperation) -> str:
    """Why an operation is held or refused."""
    if stored.verdict == Verdict.HELD:
        return HELD_CODES.get(stored.code, UNKNOWN.format(code=stored.code))
    return _refusal(form, stored.code)


def held_by(code: str) -> HeldBy:
    """What an operation that is held for this cause waits for."""
    return _HELD_BY.get(code, HeldBy("county", _ASK))


def why_nothing_comes(standing: str) -> str:
    """The words of a reply's standing; "" where the county delivers."""
    return STANDINGS.get(standing) or HELD_CODES.get(standing, standing)


def problem_of(code: str) -> tuple[str, str]:
    """The register that a refusal's code names, and its problem; "" where it names none."""
    kind, _, rest = code.partition(":")
    register, _, problem = rest.rpartition(":")
    return (register, problem) if kind == "check" else (rest if kind == "author" else "", "")


def _refusal(form: Form | None, code: str) -> str:
    """`check:<field>:<problem>` names the field and what is wrong with it, `county:<reason>` what
    the county says."""
    kind, reason = code.partition(":")[0], county_reason(code)
    register, problem = problem_of(code)
    if problem in WORDS and form is not None:
        try:
            return Problem(register, problem).words(form)
        except KeyError:  # the facts of the sentence did not travel
            return f"“{form.label(register)}”{REFUSED_CODES['check']}"
    words = REFUSED_CODES.get(kind, UNKNOWN.format(code=code))
    return f"{words}：{reason}" if reason else words
