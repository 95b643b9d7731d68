"""Checks the archive of a channel without the hub, its database or this project's other code.

    python verify.py ARCHIVE [--hub-fingerprint HEX] [--witness FILE] ... [--json]

One file, to be read and copied by an auditor: Python 3.11 and `cryptography` are all it needs.
Exit code 0: everything is as it was signed; 1: something is not, and it says what and where; 2: no
archive, no witness, or a wrong command. What is checked, and what no archive shows: PROTOCOL.md,
section 24.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ARCHIVE, RECEIPTS = b"BIANMIN-ARCHIVE-1\n", b"BIANMIN-RECEIPTS-1\n"
CHANNEL, REPLICA, HEAD, COUNTERSIGNATURE, ENTRY, RECEIPT, SEAL = range(1, 8)  # kinds of frames
OPERATION, VERDICT, EPOCH, ERASURE, REVOCATION, FREEZE, CLOSING, COPY, FORMER = range(1, 10)
ENTRIES = {  # kind → what its array holds after it, in the letters of `shaped`
    OPERATION: "hisii",
    VERDICT: "hisi",
    EPOCH: "nuhi",
    ERASURE: "ni",
    REVOCATION: "nsi",
    FREEZE: "nsi",
    CLOSING: "ii",
    COPY: "hhisii",
    FORMER: "ni",
}
HEADER = "iniinnsiiB"  # version, replica, seq, stamp, clerk, record, kind, form, flags, origin
HELD, REFUSED, ACCEPTED = range(3)
LEAD_MS = 600_000  # how far a stamp may run ahead of the hub's clock before it is cut
FRAME_BYTES = 1 << 26  # of a body that was refused for its size the archive holds every byte
FRAME_ITEMS = 1 << 16  # values in one frame: so few bytes cannot fill the memory
KINDS = ("station", "region", "office")  # of channels
COUNTY_DIGITS = 6  # of a region's, which may go on to a township
SHOWN = 20  # positions in a line
FINGERPRINT_LETTERS = 16  # of the 64; fewer are not worth comparing

WORDS = {
    "foreign": "不是归档文件或见证文件",
    "form": "格式已损坏",
    "end": "文件在封签之前中断，或封签之后还有内容",
    "hub": "县级平台的公钥指纹与给出的指纹不符",
    "certificate": "这台电脑的证书不是该平台签发的，或不是发给它的",
    "label": "归档所称的通道、地区或站点与这台电脑的证书不符",
    "mint": "这台电脑没有同一次启用中原有电脑的签名",
    "head": "写入者的签名不正确，或签过名的操作不在归档中：被删除或改动",
    "countersignature": "会签者不在归档的电脑名单中，或会签的签名不正确",
    "countersigned": "站点会签过的历史与归档不同：此条或之前被改动、删除、插入或调换",
    "beyond": "站点会签过的位置在归档的末尾之后：末尾被截掉",
    "entry": "条目与其摘要不符：被改动、删除、插入或调换",
    "place": "条目没有对应的操作，或操作不属于这个条目",
    "name": "操作的表头或内容与条目中的名称不符：被改动",
    "author": "写入者不属于本通道，或没有证书",
    "order": "操作在写入者的链上不连续：中间有操作被删除、重复或调换",
    "gap": "操作前面缺少同一写入者的操作，却没有因此暂存",
    "fork": "操作称与同一写入者的另一操作分叉，归档中却没有那一操作：前面有操作被删除",
    "unsigned": "没有写入者的签名覆盖此操作",
    "effective": "生效时间不是写入时间和平台时间允许的值",
    "copy": "重发的操作与最初的一份不同",
    "verdict": "没有这种裁定，或裁定低于此前的，或所指的操作不在此条之前",
    "barred": "写入者已被冻结或撤销，之后的操作却被接受",
    "body": "已接受操作的内容缺失，而该记录没有清除",
    "erased": "该记录的内容已清除，之后的操作却被接受",
    "epoch": "平台恢复的说明（新纪元）与归档不符",
    "receipt": "平台的回执与归档末尾不符，或签名不正确",
    "seal": "归档的封签不正确：条目之外的部分被改动、删除或添加",
    "witness_file": "见证文件已损坏，或其中没有回执",
    "witness_none": "见证文件中没有本通道的回执",
    "witness_hub": "见证文件不是同一平台签发的",
    "witness": "与见证文件中的回执不同：此条或之前的历史被改写",
    "witness_tail": "见证文件中的回执所签的位置在归档的末尾之后：末尾被截掉",
}
UNREAD = ("foreign", "witness_file", "witness_none")  # nothing is said of an archive then


class Fault(Exception):
    """The first thing that is wrong: a code of WORDS; position, replica and seq, or the frame."""

    def __init__(self, code: str, **where: Any) -> None:
        super().__init__(code)
        self.code, self.where = code, where

    def words(self) -> str:
        labels = {"frame": "第 {} 段", "position": "第 {} 条", "replica": "电脑 {}"}
        labels |= {"seq": "其第 {} 个操作", "file": "{}"}
        places = [labels[name].format(value) for name, value in plain(self.where).items()]
        return f"{'，'.join(places)}：{WORDS[self.code]}" if places else WORDS[self.code]


def need(holds: bool, code: str, **where: Any) -> None:
    """Every check goes through here. Fault."""
    if not holds:
        raise Fault(code, **where)


# --- bytes and signatures ------------------------------------------------------------------------

SHAPES = dict[str, Any](i=int, u=int, b=bytes, n=bytes, h=bytes, s=str, l=list)
SIZES = {"n": 16, "h": 32}
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
INTEGERS = {0xCC + n: (1 << (n & 3), n > 3) for n in range(8)}  # bytes, and whether with a sign
LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}


def unpack(data: bytes) -> Any:
    """The one msgpack value in these bytes; the protocol has no floats. Fault `form`."""
    packed = Packed(data)
    try:
        value = packed.value()
    except (LookupError, UnicodeDecodeError, RecursionError) as broken:
        raise Fault("form") from broken
    need(packed.at == len(data), "form")
    return value


class Packed:
    """msgpack values, one after another."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.left = data, 0, FRAME_ITEMS

    def cut(self, size: int) -> bytes:
        self.at += size
        need(self.at <= len(self.data), "form")
        return self.data[self.at - size : self.at]

    def value(self) -> Any:
        self.left -= 1
        need(self.left >= 0, "form")
        kind = self.cut(1)[0]
        if kind < 0x80 or kind >= 0xE0:
            return kind if kind < 0x80 else kind - 0x100
        if kind in CONSTANTS:
            return CONSTANTS[kind]
        if kind in INTEGERS:
            size, is_signed = INTEGERS[kind]
            return int.from_bytes(self.cut(size), "big", signed=is_signed)
        count = kind & (0x1F if kind >= 0xA0 else 0x0F)
        if kind >= 0xC0:
            count = int.from_bytes(self.cut(LENGTHS[kind]), "big")
        if 0xC4 <= kind <= 0xC6:
            return self.cut(count)
        if 0xA0 <= kind < 0xC0 or 0xD9 <= kind <= 0xDB:
            return self.cut(count).decode()
        if kind < 0x90 or kind >= 0xDE:  # no map is anything that is looked at
            return tuple(self.value() for _ in range(count * 2))
        return [self.value() for _ in range(count)]


def shaped(values: Any, letters: str) -> list[Any]:
    """The first elements of an array, each of the shape that its letter says: i integer, u one that
    is not negative, s text, l array, b bytes, n 16 of them, h 32; a capital's may be nil. What a
    later version added after them is not looked at. Fault `form`."""
    need(isinstance(values, list) and len(values) >= len(letters), "form")
    found = list(values[: len(letters)])
    for value, letter in zip(found, letters, strict=True):
        is_absent = value is None and letter.isupper()
        need(is_absent or is_shaped(value, letter.lower()), "form")
    return found


def is_shaped(value: Any, letter: str) -> bool:
    if type(value) is not SHAPES[letter]:  # true is no integer here
        return False
    if letter == "u":
        return bool(0 <= value < 1 << 63)
    return letter not in SIZES or len(value) == SIZES[letter]


def header_of(data: bytes) -> list[Any]:
    """What HEADER names. Fault `form`."""
    values = unpack(data)
    need(isinstance(values, list) and len(values) >= len(HEADER) - 2, "form")
    return shaped([*values, *(0, None)[len(values) - len(HEADER) + 2 :]], HEADER)


def digest(purpose: bytes, *parts: bytes) -> bytes:
    return hashlib.sha256(b"".join((purpose, b"\0", *parts))).digest()


def signed(public: bytes, signature: bytes, purpose: bytes, *parts: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, digest(purpose, *parts))
    except (InvalidSignature, ValueError):
        return False
    return True


def receipt_of(receipt: Any) -> list[Any]:
    """Channel, epoch, position, digest, time, signature. Fault `form`."""
    cursor, at, signature = shaped(receipt, "lub")
    return [*shaped(cursor, "nnuh"), at, signature]


def receipt_holds(public: bytes, receipt: list[Any]) -> bool:
    """Whether the hub signed this cursor at this time. Fault `form`."""
    channel, epoch, position, end, at, signature = receipt_of(receipt)
    parts = (channel, epoch, eight(position), end, eight(at))
    return signed(public, signature, b"bianmin/receipt", *parts)


def eight(number: int) -> bytes:
    return number.to_bytes(8, "big")


def frames(file: BinaryIO, magic: bytes) -> Iterator[tuple[list[Any], bytes]]:
    """Each frame, and SHA-256 over everything before it. Fault `foreign`, `form`, `end`."""
    need(file.read(len(magic)) == magic, "foreign")
    whole = hashlib.sha256(magic)
    while length := file.read(4):
        size = int.from_bytes(length, "big")
        need(len(length) == 4, "end")
        need(0 < size <= FRAME_BYTES, "form")
        data = file.read(size)
        need(len(data) == size, "end")
        frame = unpack(data)
        kind = shaped(frame, "i")[0]
        # Nothing is signed over the seal's own frame: so it has but one form.
        need(kind != SEAL or (data[:4], size) == (b"\x92\x07\xc4\x40", 68), "seal")
        yield frame, whole.digest()
        whole.update(length + data)
        need(kind != SEAL or not file.read(1), "end")


# --- what is known while the archive is read -----------------------------------------------------


@dataclass(frozen=True)
class Member:
    """A replica that belongs; `home` is the channel that it writes in."""

    signing: bytes = b""
    enrolment: bytes = b""
    home: bytes = b""


@dataclass
class Line:
    """Operations of one replica that follow each other, behind the one of seq `base`; `unsigned` is
    the first of them (position, seq) that no signature covers yet; a branch `is_joined` once the
    gap before it has closed."""

    replica: bytes
    base: int
    seq: int
    link: bytes
    unsigned: tuple[int, int] | None = None
    is_signed: bool = False
    is_fork: bool = False
    is_joined: bool = False


@dataclass
class Checked:
    """What an archive proves that stands."""

    fingerprint: str = ""
    channel: str = ""
    kind: str = ""
    region: str = ""
    station: str = ""
    entries: int = 0
    operations: int = 0
    unknown: int = 0  # entries of a later version, counted and not read
    without_body: int = 0
    replicas: int = 0
    countersigned: int = 0  # the highest position that a replica signed
    witnessed: int = 0  # the highest at which a witness has the same
    restores: list[int] = field(default_factory=list)  # where the hub went on after a restore
    unproven: list[int] = field(default_factory=list)  # after one, and without all their proofs
    given_up: list[int] = field(default_factory=list)  # witnessed, and lost by one


class Verifier:
    """Reads an archive frame by frame and stops at the first thing that is wrong."""

    def __init__(self, witnesses: Iterable[list[Any]] = (), fingerprint: str = "") -> None:
        self.witnesses, self.fingerprint, self.found = list(witnesses), fingerprint, Checked()
        self.position = 0
        self.where: dict[str, Any] = {"frame": 1}  # what is being read
        self.hub = self.hub_signing = self.channel = self.digest = self.before = b""
        self.epochs: list[bytes] = []
        self.lost: list[bytes] = []  # other epochs
        self.ended: dict[bytes, tuple[int, int]] = {}  # epoch → entries kept of it, time
        self.hub_replicas: dict[bytes, bytes] = {}  # as which the hub wrote up to here → epoch
        self.members: dict[bytes, Member] = {}
        self.enrolled: set[bytes] = set()
        self.heads: dict[tuple[bytes, int], set[bytes]] = {}  # (replica, seq) → signed links
        self.countersigned: dict[int, list[tuple[bytes, bytes]]] = {}
        self.witnessed: dict[int, list[tuple[bytes, bytes, int]]] = {}  # → epoch, digest, time
        self.apart: list[tuple[int, bytes, int]] = []  # witnessed otherwise: position, epoch, time
        self.chains: dict[bytes, Line] = {}
        self.branches: list[Line] = []
        self.starts: dict[tuple[bytes, int, bytes], Line] = {}  # branches by (replica, seq, link)
        self.ends: dict[tuple[bytes, int, bytes], Line] = {}
        self.early: dict[tuple[bytes, int], tuple[bytes, int]] = {}  # came back before its turn
        self.waiting: dict[bytes, Line] = {}  # identity held for a gap → its branch
        self.forked: set[bytes] = set()  # replicas that went on from one place in two ways
        self.aside: set[tuple[bytes, int]] = set()  # (replica, seq) of what is in a branch
        self.placed: set[bytes] = set()
        self.unproven: set[int] = set()
        self.verdicts: dict[bytes, int] = {}
        self.bodiless: dict[bytes, tuple[int, bytes]] = {}  # identity → position, record
        self.erased: set[bytes] = set()
        self.barred: set[bytes] = set()

    def read(self, file: BinaryIO) -> Checked:
        """What the archive proves. Fault for the first thing that is wrong."""
        first = [self.read_channel, self.read_replica, self.read_head, self.read_countersignature]
        steps = [*first, self.read_entry, self.read_receipt, self.read_seal]
        last = count = 0
        try:
            for frame, self.before in frames(file, ARCHIVE):
                kind, count = frame[0], count + 1
                need(last <= kind <= SEAL and (kind == CHANNEL) == (not last), "form")
                need((kind == SEAL) == (last == RECEIPT), "receipt")
                last = kind
                self.where = {"frame": count}
                steps[kind - 1](frame)
                self.where = {"frame": count + 1}
                if kind == ENTRY:
                    self.where["position"] = self.position + 1
            need(last == SEAL, "end")
        except Fault as fault:
            raise Fault(fault.code, **{**self.where, **fault.where}) from fault
        return self.found

    # --- who belongs -----------------------------------------------------------------------------

    def read_channel(self, frame: list[Any]) -> None:
        _, hub, self.channel, kind, region, station, epochs, lost = shaped(frame, "ilnsssll")
        self.hub_signing, sealing = shaped(hub, "hb")
        fingerprint = digest(b"bianmin/hub", self.hub_signing, sealing)
        need(fingerprint.hex().startswith(self.fingerprint), "hub")
        # They are shown beside the fingerprint: no text that could pass for another.
        is_plain = region.isalnum() and (station or region).isalnum() and kind in KINDS
        need(is_plain and (region + station).isascii(), "form")
        self.hub, channel = fingerprint[:16], self.channel.hex()
        self.found = Checked(fingerprint.hex(), channel, kind, region, station)
        self.epochs = shaped(epochs, "n" * max(1, len(epochs)))
        self.lost = shaped(lost, "n" * len(lost))
        need(len({*self.epochs, *self.lost}) == len(epochs) + len(lost), "epoch")
        self.add_hub_replica(self.epochs[0])
        self.digest = digest(b"bianmin/channel", self.channel)
        self.read_witnesses()

    def add_hub_replica(self, epoch: bytes) -> None:
        replica = digest(b"bianmin/hub-replica", self.hub, self.channel, epoch)[:16]
        need(replica not in self.members, "epoch")
        self.hub_replicas[replica] = epoch

    def read_witnesses(self) -> None:
        for receipt in self.witnesses:
            need(receipt_holds(self.hub_signing, receipt), "witness_hub")
            channel, epoch, position, end, at, _ = receipt_of(receipt)
            if channel == self.channel and position:
                self.witnessed.setdefault(position, []).append((epoch, end, at))
        need(bool(self.witnessed) or not self.witnesses, "witness_none")

    def read_replica(self, frame: list[Any]) -> None:
        """The hub certified it; one more of the same enrolment was minted by a certified one."""
        _, data, signature, introduction = shaped(frame, "ibbL")
        keys, member = self.certified(data, signature)
        self.where |= {"replica": keys[0]}
        is_new = keys[0] not in self.members and keys[0] not in self.hub_replicas
        need(is_new, "certificate")
        mint = shaped(introduction, "bbL")[2] if introduction is not None else None
        if mint is not None:
            child, signature = shaped(mint, "lb")
            elder, parent = self.certified(introduction[0], introduction[1])
            parts = (b"bianmin/mint", member.enrolment, *keys)
            is_ours = (child[:3], parent.enrolment) == (keys, member.enrolment)
            is_other = elder[0] != keys[0] and elder[1] != keys[1]
            need(is_ours and is_other and signed(parent.signing, signature, *parts), "mint")
        else:
            # A hub that lost a minted one enters it again by the certificate that it gave it then.
            need(member.enrolment not in self.enrolled or len(self.epochs) > 1, "mint")
            self.enrolled.add(member.enrolment)
        self.members[keys[0]] = member
        self.found.replicas += 1

    def certified(self, data: bytes, signature: bytes) -> tuple[list[bytes], Member]:
        """Replica, signing and sealing key that the hub certified."""
        _, hub, enrolment, keys, station, _, grants = shaped(unpack(data), "innlssl")
        keys, grants = shaped(keys, "nhb"), shaped(grants, "l" * max(1, len(grants)))
        grants = [shaped(each, "nss") for each in grants]
        is_signed = signed(self.hub_signing, signature, b"bianmin/certificate", data)
        need(hub == self.hub and is_signed, "certificate", replica=keys[0])
        for channel, kind, region in grants:
            code = station if channel == grants[0][0] else self.found.station
            told = (kind, region[:COUNTY_DIGITS], code)
            ours = (self.found.kind, self.found.region, self.found.station)
            need(channel != self.channel or told == ours, "label", replica=keys[0])
        return keys, Member(keys[1], enrolment, grants[0][0])

    def key_of(self, replica: bytes) -> bytes:
        """Its signing key; nothing is signed by the empty one of a stranger."""
        return self.members.get(replica, Member()).signing

    def read_head(self, frame: list[Any]) -> None:
        _, replica, seq, link, signature = shaped(frame, "inuhb")
        self.where |= {"replica": replica, "seq": seq}
        parts = (b"bianmin/head", replica, eight(seq), link)
        need(signed(self.key_of(replica), signature, *parts), "head")
        self.heads.setdefault((replica, seq), set()).add(link)

    def read_countersignature(self, frame: list[Any]) -> None:
        _, replica, both, _ = shaped(frame, "inli")
        cursor, signature = shaped(both, "lb")
        channel, epoch, position, end = shaped(cursor, "nnuh")
        self.where |= {"position": position, "replica": replica}
        parts = (b"bianmin/countersign", replica, channel, epoch, eight(position), end)
        is_signed = signed(self.key_of(replica), signature, *parts)
        need(channel == self.channel and position > 0 and is_signed, "countersignature")
        self.countersigned.setdefault(position, []).append((replica, end))
        self.found.countersigned = max(self.found.countersigned, position)

    # --- entries ---------------------------------------------------------------------------------

    def read_entry(self, frame: list[Any]) -> None:
        self.position += 1
        self.where["position"] = self.position
        _, data, kept, operation = shaped(frame, "ibhL")
        before, self.digest = self.digest, digest(b"bianmin/entry", self.digest, data)
        need(self.digest == kept, "entry")
        word = unpack(data)
        kind = shaped(word, "i")[0]
        need(kind > 0, "form")
        values = shaped(word[1:], ENTRIES.get(kind, ""))
        need((kind in (OPERATION, COPY)) == (operation is not None), "place")
        if operation is not None:
            self.read_operation(values, operation)
        elif kind == VERDICT:
            self.read_verdict(*values[:3])
        elif kind == EPOCH:
            self.read_epoch(before, *values)
        elif kind == ERASURE:
            self.erased.add(values[0])
        elif kind in (REVOCATION, FREEZE):
            self.barred.add(values[0])
        elif kind == FORMER:
            self.add_hub_replica(values[0])
        self.found.unknown += kind not in ENTRIES
        for replica, end in self.countersigned.pop(self.position, ()):
            need(end == self.digest, "countersigned", replica=replica)
        for epoch, end, at in self.witnessed.pop(self.position, ()):
            if end == self.digest:
                self.found.witnessed = self.position
            else:  # a restore that comes yet may explain it
                self.apart.append((self.position, epoch, at))
        self.found.entries = self.position

    def owe(self, holds: bool, code: str, position: int = 0, **where: Any) -> None:
        """A proof that may be missing of what came back after a restore: it is named then."""
        at = position or self.position
        if not holds:
            need(self.is_back(at), code, position=at, **where)
            self.unproven.add(at)

    def is_back(self, position: int) -> bool:
        """Whether it may have come back, after a restore, from who had not all of it."""
        return any(position > first for first in self.found.restores[:1])

    def note_verdict(self, identity: bytes, verdict: int, code: str) -> None:
        """The highest counts; whatever is not accepted has a code."""
        is_one = HELD <= verdict <= ACCEPTED and (verdict == ACCEPTED) == (not code)
        need(is_one, "verdict")
        self.verdicts[identity] = max(self.verdicts.get(identity, HELD), verdict)

    def read_verdict(self, identity: bytes, verdict: int, code: str) -> None:
        need(identity in self.verdicts and verdict >= self.verdicts[identity], "verdict")
        line = self.waiting.get(identity)
        if line is not None and verdict > HELD:
            self.owe(line.is_joined, "gap", replica=line.replica, seq=line.seq)
        elif line is not None and code != "gap":
            # Written after other operations than those that came.
            self.owe(line.is_joined or self.is_parted(line), "fork", replica=line.replica)
            del self.waiting[identity]
        self.note_verdict(identity, verdict, code)

    def is_parted(self, line: Line) -> bool:
        """Whether the chain passed the base of this branch, or of any, on other operations."""
        if line.replica not in self.forked and not self.found.restores:
            others = (each for each in self.branches if each.replica == line.replica)
            reached = self.chain(line.replica).seq
            if any(each.base <= reached and not each.is_joined for each in others):
                self.forked.add(line.replica)
        return line.replica in self.forked

    def read_epoch(self, before: bytes, old_epoch: bytes, kept: int, end: bytes, at: int) -> None:
        """A restore says which epoch it ended, and what of it was kept: all up to here."""
        count = len(self.found.restores)
        told = (self.epochs[count : count + 1], self.position - 1, before)
        need(([old_epoch], kept, end) == told and count + 1 < len(self.epochs), "epoch")
        self.found.restores.append(self.position)
        self.ended[old_epoch] = (kept, at)
        self.add_hub_replica(self.epochs[count + 1])

    def explain(self, position: int, epoch: bytes, at: int, code: str) -> None:
        """A receipt is void above what was kept of its epoch, or, of an epoch that was lost as a
        whole, where the hub was restored later; any other stands for ever."""
        if epoch in self.epochs:
            kept = self.ended.get(epoch, (position, at))[0]
        else:
            kept = 0 if any(later >= at for _, later in self.ended.values()) else position
        need(kept < position, code, position=position)
        self.found.given_up.append(position)

    # --- operations and chains -------------------------------------------------------------------

    # A replica's chain grows as its operations come. What comes before its turn, or beside the
    # chain after a fork, begins a branch at the link that it names. Where the chain reaches the
    # start of a branch of the first kind it goes on with that. Signed heads are met on the way.

    def read_operation(self, values: list[Any], parts: list[Any]) -> None:
        name, *first, verdict, code, effective, at = values
        header, body, body_digest, base = shaped(parts, "bBHH")
        need((body is None) == (body_digest is not None), "form")
        _, replica, seq, stamp, _, record, *_, origin = header_of(header)
        self.where |= {"replica": replica, "seq": seq}
        content = digest(b"bianmin/body", body) if body is not None else body_digest
        need(digest(b"bianmin/operation", header, content) == name, "name")
        identity = digest(b"bianmin/operation", origin, content) if origin is not None else name
        need([identity] == first if first else origin is None, "place")
        need(name not in self.placed, "order")
        self.placed.add(name)
        is_new = verdict == ACCEPTED and self.verdicts.get(identity) != ACCEPTED
        self.check_author(replica, is_accepted=is_new)
        self.owe(not (is_new and record in self.erased), "erased")
        # What comes back after a restore keeps the effective stamp of its first place.
        is_back = self.is_back(self.position) and effective <= stamp
        need(is_back or effective == min(stamp, at + LEAD_MS), "effective")
        need(origin is None or self.is_copy(header, origin), "copy")
        if base is None:
            self.follow(replica, seq, name, is_branch=code == "fork")
        else:
            need(verdict == HELD and code in ("gap", "fork"), "gap")
            self.waiting[identity] = self.branch(replica, seq, name, base, code)
        if code != "gap" or identity in self.verdicts:
            self.waiting.pop(identity, None)  # it can be judged by another copy
        if body is None and identity not in self.verdicts:
            self.bodiless[identity] = (self.position, record)
        self.note_verdict(identity, verdict, code)
        self.found.operations += 1
        self.found.without_body += body is None

    def check_author(self, replica: bytes, *, is_accepted: bool) -> None:
        """A hub's of an epoch up to here, or a station's that was let write in this channel."""
        if replica in self.hub_replicas:
            return
        member = self.members.get(replica)
        self.owe(member is not None, "author")  # it may be lost with its PC
        if member is not None:
            need(member.home == self.channel, "author")
            is_barred = bool({replica, member.enrolment} & self.barred)
            self.owe(not (is_barred and is_accepted), "barred")

    def is_copy(self, header: bytes, origin: bytes) -> bool:
        """Whether it is the same act by the same end."""
        _, replica, _, *act, _ = header_of(header)
        _, author, _, *first_act, first = header_of(origin)
        elder = self.members.get(author)
        is_ours = elder is None or elder.home == self.channel
        is_station = not {replica, author} & self.hub_replicas.keys()
        return is_ours and is_station and first is None and first_act == act

    def chain(self, replica: bytes) -> Line:
        if replica not in self.chains:
            self.chains[replica] = Line(replica, 0, 0, digest(b"bianmin/chain", replica))
        return self.chains[replica]

    def follow(self, replica: bytes, seq: int, name: bytes, *, is_branch: bool) -> None:
        """The operation follows its writer's last one; after a restore it may come at any time."""
        line = self.chain(replica)
        if seq == line.seq + 1 and not is_branch:
            self.grow(line, name, self.position)
            self.join(line)
        elif is_branch or seq <= line.seq or (replica, seq) in self.early:
            self.owe(False, "order")
        else:
            need(bool(self.found.restores), "order")
            self.early[replica, seq] = (name, self.position)

    def join(self, line: Line) -> None:
        """What came before its turn goes on from here."""
        while True:
            early = self.early.pop((line.replica, line.seq + 1), None)
            branch = self.starts.pop((line.replica, line.seq, line.link), None)
            if early is not None:
                self.grow(line, *early)
            elif branch is not None:
                del self.ends[line.replica, branch.seq, branch.link]
                line.seq, line.link, branch.is_joined = branch.seq, branch.link, True
                # A signature behind the gap covers what closed it, too.
                earlier = None if branch.is_signed else line.unsigned
                line.unsigned = earlier or branch.unsigned
            else:
                return

    def branch(self, replica: bytes, seq: int, name: bytes, base: bytes, code: str) -> Line:
        """Behind a gap, or beside the chain: it says itself what it follows."""
        place, here, chain = (replica, seq - 1, base), {(replica, seq)}, self.chain(replica)
        line = self.ends.pop(place, None)
        if line is None:
            line, here = Line(replica, seq - 1, seq - 1, base), {*here, place[:2]}
            self.branches.append(line)
            if code == "gap":
                self.starts.setdefault(place, line)
        if code == "fork":
            is_beside = chain.seq >= seq - 1 and (chain.seq, chain.link) != place[1:]
            self.owe(line.is_fork or is_beside or bool(here & self.aside), "fork")
            self.forked.add(replica)
            line.is_fork = True
        self.aside.add((replica, seq))
        self.grow(line, name, self.position)
        self.ends[replica, line.seq, line.link] = line
        self.join(chain)
        return line

    def grow(self, line: Line, name: bytes, position: int) -> None:
        line.seq, line.link = line.seq + 1, digest(b"bianmin/link", line.link, name)
        links = self.heads.get((line.replica, line.seq), set())
        if line.link in links:
            links.remove(line.link)
            line.unsigned, line.is_signed = None, True
        elif line.unsigned is None and line.replica not in self.hub_replicas:
            line.unsigned = (position, line.seq)

    # --- the end ---------------------------------------------------------------------------------

    def read_receipt(self, frame: list[Any]) -> None:
        self.where["position"] = self.position
        receipt = shaped(frame, "il")[1]
        end = [self.channel, self.epochs[-1], self.position, self.digest]
        for position, signers in sorted(self.countersigned.items()):
            need(not signers, "beyond", position=position, replica=signers[0][0])
        need(receipt_holds(self.hub_signing, receipt) and receipt_of(receipt)[:4] == end, "receipt")
        named = {*self.epochs, *self.hub_replicas.values()}
        need(len(self.found.restores) + 1 == len(self.epochs), "epoch")
        need(named.issuperset(self.lost), "epoch")
        self.check_witnesses()
        for (replica, seq), links in sorted(self.heads.items()):
            need(not links, "head", replica=replica, seq=seq)
        self.check_covered()
        for identity, (position, record) in self.bodiless.items():
            is_open = self.verdicts[identity] != ACCEPTED or record in self.erased
            self.owe(is_open, "body", position)
        self.found.unproven = sorted(self.unproven)

    def check_witnesses(self) -> None:
        """What differs from the archive, and what lies beyond it, must have been lost."""
        for each in self.apart:
            self.explain(*each, "witness")
        for position, receipts in sorted(self.witnessed.items()):
            for epoch, _, at in receipts:
                self.explain(position, epoch, at, "witness_tail")

    def check_covered(self) -> None:
        """Each operation is its writer's. After a restore one may come back through another PC,
        which has no signature of the writer to give: it is named, and not refused."""
        lines = [*self.chains.values(), *(each for each in self.branches if not each.is_joined)]
        bare = [(*each.unsigned, each.replica) for each in lines if each.unsigned]
        bare += [(at, seq, replica) for (replica, seq), (_, at) in self.early.items()]
        for position, seq, replica in sorted(bare):
            self.owe(False, "unsigned", position, replica=replica, seq=seq)

    def read_seal(self, frame: list[Any]) -> None:
        parts = (b"bianmin/archive", self.before)
        need(signed(self.hub_signing, shaped(frame, "ib")[1], *parts), "seal")


# --- the command ---------------------------------------------------------------------------------


def verify(archive: Path, witnesses: Iterable[Path] = (), fingerprint: str = "") -> Checked:
    """What an archive proves, held against receipts of stations or of other archives.

    `fingerprint`: the first letters of the hub's, hexadecimal. Fault; OSError.
    """
    receipts = [receipt for path in witnesses for receipt in receipts_in(path)]
    with archive.open("rb") as file:
        return Verifier(receipts, fingerprint).read(file)


def receipts_in(path: Path) -> list[Any]:
    """Those of a witness file, or of another archive. Fault `witness_file`; OSError."""
    with path.open("rb") as file:
        magic = RECEIPTS if file.read(len(RECEIPTS)) == RECEIPTS else ARCHIVE
        file.seek(0)
        try:
            found = [shaped(f, "il")[1] for f, _ in frames(file, magic) if f[0] == RECEIPT]
            need(bool(found) and all(map(receipt_of, found)), "witness_file")
        except Fault as fault:
            raise Fault("witness_file", file=path.name) from fault
    return found


def not_shown(found: Checked, fingerprint: str) -> Iterator[str]:
    """What this archive cannot show."""
    if not fingerprint:
        yield "公钥是否真是县级平台的：请把上面的指纹与平台公布、站点所示的核对。"
    seen = max(found.countersigned, found.witnessed)
    yield f"末尾是否被截：截在第 {found.entries} 条的，只有更晚的回执（--witness）才能发现。"
    yield f"站点会签或见证到第 {seen} 条；其后的条目只有平台自己的签名为证。"
    yield "从未送达平台的内容；平台为其签发证书的电脑是否真在站点。"
    if found.unknown:
        yield f"{found.unknown} 条是更新的程序所写，只核对了顺序与摘要，没有解读。"
    if found.without_body:
        yield f"{found.without_body} 个操作的内容已清除或缺失：只能证明其摘要。"
    if found.restores:
        yield f"平台曾从备份恢复，自第 {listed(found.restores)} 条另开纪元：丢失的未必全部补回。"
    if found.unproven:
        yield (
            "恢复后补回而缺少写入者的签名、证书、前面的操作或内容的，不能证明："
            f"自第 {listed(found.unproven)} 条。"
        )
    if found.given_up:
        yield f"见证的第 {listed(found.given_up)} 条在恢复时丢失，无从对照。"


def listed(numbers: list[int]) -> str:
    """The first of them; `--json` gives all."""
    some = "、".join(map(str, numbers[:SHOWN]))
    return f"{some} 等 {len(numbers)}" if len(numbers) > SHOWN else some


def run(archive: Path, witnesses: Iterable[Path], fingerprint: str | None, *, as_json: bool) -> int:
    """Verifies, says what was found, and gives the exit code."""
    wanted = "".join(each for each in (fingerprint or "").lower() if each not in " :-")
    try:
        if fingerprint is not None and (
            len(wanted) < FINGERPRINT_LETTERS or set(wanted) - set("0123456789abcdef")
        ):
            raise OSError(f"指纹应为至少 {FINGERPRINT_LETTERS} 位十六进制数字")
        found = verify(archive, witnesses, wanted)
    except OSError as refused:
        unread = f"没有检验。无法读取 {refused.filename}（{refused.strerror}），请核对路径和权限。"
        sys.stderr.write(f"{unread if refused.filename else refused}\n")
        return 2
    except Fault as fault:
        words = fault.words()
        answer = {"sound": False, "code": fault.code, **plain(fault.where), "words": words}
        status = 2 if fault.code in UNREAD else 1
        lines = [f"{'归档不成立' if status == 1 else '没有检验'}。{words} [{fault.code}]"]
    else:
        unshown = list(not_shown(found, wanted))
        answer = {"sound": True, **asdict(found), "not_shown": unshown}
        whose = f"{found.kind} {found.station or found.region}，通道 {found.channel}"
        counts = f"{found.entries} 条，{found.operations} 个操作，{found.replicas} 台电脑"
        but = f"；恢复后补回的 {len(found.unproven)} 处除外，见下" if found.unproven else ""
        lines = [f"归档成立：条目没有改动、删除、调换，也没有外来的{but}。", f"{whose}：{counts}"]
        lines += [f"平台公钥指纹 {found.fingerprint}", "归档本身不能证明：", *unshown]
        status = 0
    text = json.dumps(answer, ensure_ascii=False, indent=1) if as_json else "\n".join(lines)
    if isinstance(
        sys.stdout, TextIOWrapper
    ):  # no Chinese at the terminal is no fault of an archive
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(f"{text}\n")
    return status


def plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Bytes as hex."""
    return {name: v.hex() if isinstance(v, bytes) else v for name, v in facts.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the archive of a channel.")
    parser.add_argument("archive", type=Path)
    parser.add_argument("--hub-fingerprint", metavar="HEX")
    parser.add_argument("--witness", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    return run(given.archive, given.witness, given.hub_fingerprint, as_json=given.json)


if __name__ == "__main__":
    raise SystemExit(main())
