"""The state of reporting in a clerk's words, for the lamp on every page. Knows no page."""

from dataclasses import dataclass

from station_client.services.read_status import Status, read_status
from station_client.station import Station


@dataclass(frozen=True)
class Lamp:
    """`colour`: green, amber or red. The words say the same without it; `advice` what to do."""

    colour: str
    words: str
    advice: str


def lamp_of(station: Station) -> Lamp:
    return lamp_for(read_status(station))


def lamp_for(status: Status) -> Lamp:
    """What needs a person comes first, then what waits for the network."""
    if status.sealed_at is not None and not status.pending:
        return Lamp("green", "已封存", "不用做什么。")
    if status.standing:
        return Lamp("red", "县级暂停同步", status.standing_words)
    if status.alarms:
        return Lamp("red", "记录不一致", status.alarms[0])
    if status.open_conflicts:
        return Lamp("red", f"有冲突 {status.open_conflicts} 处", "请到“待处理”页选定以哪一边为准。")
    if status.refused + status.returned:
        return Lamp(
            "red",
            f"被退回 {status.refused + status.returned} 条",
            "请到“待处理”页打开，按退回原因修改后保存。",
        )
    if status.starting is not None:
        done, total = status.starting
        words = f"正在接收 {done} / {total or '…'} 条"
        return Lamp("amber", words, "可以照常登记，县级已有的记录收齐后显示。")
    if status.pending:
        return Lamp(
            "amber",
            f"待上报 {status.pending} 条",
            "不用做什么，联网后自动上报。长时间没有网络时，可以导出同步包，用U盘送到县级。",
        )
    if status.held:
        return Lamp("amber", f"县级待核 {status.held} 条", "县级正在核对，不用做什么。")
    return Lamp("green", "已全部上报", "不用做什么。")
