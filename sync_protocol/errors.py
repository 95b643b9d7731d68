"""What can go wrong in the protocol: a stable code and the facts, never a free text.

`PeerFault` says that the bytes we were given are at fault, `OwnFault` that the caller is; any
other exception that leaves this package is a bug of ours. The programs turn codes into words.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Base of both faults. `code` is stable; `facts` are plain values for the message."""

    def __init__(self, code: str, **facts: object) -> None:
        if type(self) is ProtocolError:
            raise TypeError("raise PeerFault or OwnFault")
        if code not in WORDS:
            raise ValueError(f"unknown protocol code {code!r}")
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def words(self) -> str:
        """The sentence for a person, in Chinese, with the facts filled in."""
        return WORDS[self.code].format_map(_Facts(self.facts))


class PeerFault(ProtocolError):
    """What we were sent breaks the protocol, is damaged, or is not meant for us."""


class OwnFault(ProtocolError):
    """The caller asks for something that the protocol does not allow."""


UNREADABLE = (ValueError, RecursionError)
"""What decoding foreign bytes raises: msgspec's errors and a text that is not UTF-8 are ValueErrors,
values nested without end are not."""


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


WORDS: dict[str, str] = {
    "envelope.not_ours": "收到的内容不是同步数据（可能是网络登录页面）。请先在浏览器中完成网络登录，再点“立即同步”。",
    "envelope.cut_short": "同步数据不完整，传输中断。数据没有丢失，请稍后再次同步。",
    "envelope.suite": "对方使用的加密套件（{suite}）本程序不认识。请升级程序后再试。",
    "envelope.version": "对方的协议版本（{version}）与本程序不兼容。请升级程序后再试。",
    "envelope.receiver": "这份同步数据是发给别的站点或别的县级平台的。请核对离线同步包的来源。",
    "envelope.sealed": "同步数据无法解密，可能已损坏。数据没有丢失，请再次同步；反复出现请联系运维人员。",
    "envelope.signature": "同步数据的签名不正确，已拒绝。请联系运维人员核对。",
    "envelope.too_large": "同步数据超过 {limit} 字节的上限，已拒绝。请联系运维人员。",
    "message.form": "同步数据的格式不正确（{where}），已拒绝。请升级程序或联系运维人员。",
    "operation.header": "有一条操作的头部无法读取。请升级程序或联系运维人员。",
    "operation.too_large": "内容超过 {limit} 字节的上限，请缩短文字后再保存。",
    "operation.value": "字段“{field}”的内容无法保存。请检查后重新填写。",
    "chain.signature": "操作链的签名不正确，已拒绝。请联系运维人员核对该电脑。",
    "chain.order": "操作的顺序不连续，已拒绝。请再次同步。",
    "reply.other_request": "收到的是另一次同步的回复，已忽略。请再次同步。",
    "reply.digest": "县级平台的数据与本机的校验值不一致，已停止接收。请继续正常登记，并联系运维人员。",
    "stretch.unproven": "送回的历史记录与县级平台自己签发的回执不符，未予采用。请联系运维人员核对。",
    "reply.receipt": "县级平台的回执签名不正确，已拒绝。请联系运维人员。",
    "enrol.code_form": "启用码格式不正确，应为 24 位字母和数字。请对照县级平台给出的启用码重新输入。",
    "enrol.hub_fingerprint": "启用码与此地址的平台不符。请核对平台地址和启用码。",
    "enrol.proof": "启用码验证失败。请核对启用码，或向县级平台申请新的启用码。",
    "enrol.certificate": "平台签发的站点证书不正确，已拒绝。请联系县级平台。",
    "courier.damaged": "离线同步包已损坏或不完整。请重新复制该文件，或重新导出。",
    "courier.foreign": "这个文件不是离线同步包。请确认拿的是对方导出的文件。",
    "courier.kind": "这个离线同步包的类型不对（{kind}）。请确认拿的是对方导出的文件。",
}
