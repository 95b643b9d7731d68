"""The peer benchmark's generated ledger entries, as this product's forms write them.

The generator lies beside the repository and is the same for every programme that is measured:
10,000 entries of the 16 columns, all invented.
"""

import runpy
from pathlib import Path
from typing import Any

ENTRIES = 10_000

_STATUS = {
    "已办结": "finished",
    "办理中": "handling",
    "已受理待审核": "handling",
    "已上报镇级审批": "handling",
    "待补正材料": "supplementing",
    "已退件": "returned",
}
_AS_THEY_ARE = {
    "便民服务站名称": "station_name",
    "窗口": "window_name",
    "事项所属": "dept_name",
    "姓名": "applicant_name",
    "联系方式": "contact_phone",
    "申请事项": "task_name",
    "退件原因": "return_reason",
    "受理人员": "handler_name",
    "备注": "remark",
}


def generated(peers: Path) -> list[dict[str, Any]]:
    """The entries as every peer gets them: id and 16 columns."""
    made: list[dict[str, Any]] = runpy.run_path(str(peers / "gen.py"))["entries"](ENTRIES)
    return made


def as_case(entry: dict[str, Any]) -> dict[str, Any]:
    """One of them as field → value of an intake case. Only its 序号 stays out: nobody types it."""
    texts = {field: entry[column] for column, field in _AS_THEY_ARE.items() if entry[column]}
    values: dict[str, Any] = {
        **texts,
        "ledger_date": entry["时间"],
        "is_accepted": "yes" if entry["受理与否"] == "受理" else "no",
        "promised_limit": 0 if entry["办理时限"] == "即办" else int(entry["办理时限"][:-4]),
        "case_status": _STATUS[entry["办件状态"]],
        "received_at": entry["接件时间"][11:16],
    }
    if entry["当日办结时间"]:
        values["finished_at"] = entry["当日办结时间"].replace(" ", "T") + "+08:00"
    return values
