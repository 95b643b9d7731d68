"""The hub's one error type, and the one table that gives each code its HTTP status and its words.

A code is dotted, stable and never reused. The words say what to do next; facts go into logs and
never hold a secret or anything about a citizen. Knows nobody.
"""

from __future__ import annotations

_TABLE: dict[str, tuple[int, str]] = {
    # account
    "account.exists": (409, "用户名“{name}”已被使用。请换一个用户名。"),
    "account.locked": (429, "登录失败次数过多，账户已暂时锁定。请等 {minutes} 分钟后再试。"),
    "account.not_permitted": (403, "您的角色没有此项权限。请由有权限的人员办理，或联系管理员。"),
    "account.own": (409, "不能停用自己的账户。请由另一位管理员办理。"),
    "account.name_form": (400, "用户名应为 1 至 50 个字符，不含换行等控制字符。请重新输入。"),
    "account.other_region": (403, "该内容不在您的行政区划范围内。请联系所属县级的人员办理。"),
    "account.password_weak": (
        400,
        "密码太简单。请使用至少 {shortest} 个字符、不要重复同一字符的密码。",
    ),
    "account.region_form": (400, "行政区划代码应为 2 至 12 位数字。请核对后重新输入。"),
    "account.role_unknown": (400, "没有“{role}”这个角色。请从 reviewer、operator、admin 中选择。"),
    "account.unknown": (404, "没有这个账户。请核对用户名。"),
    "account.wrong_password": (401, "用户名或密码不正确。请重新输入。"),
    # application
    "application.changed": (
        409,
        "这份申请在您打开页面之后有了变动，决定没有保存。请刷新页面，核对后再办理。",
    ),
    "application.decision_unknown": (
        400,
        "没有“{decision}”这种决定。请从同意、退回、不予同意中选择。",
    ),
    "application.kind": (400, "这不是一份申请。请从申请列表中重新打开。"),
    "application.no_agreement": (
        409,
        "尚未登记双方签订的协议，不能批准开设。请先登记协议，再作决定。",
    ),
    "application.no_opinion": (400, "退回或不予同意必须写明意见。请填写审核意见后再提交。"),
    "application.not_returned": (409, "申请目前不能修改。县级退回后才能改正并重新提交。"),
    "application.open_cases": (
        409,
        "该站还有 {count} 件未办结的办件，不能注销。请先办结，或退回申请并写明原因。",
    ),
    "application.state": (409, "申请当前的状态不允许这样办理。请刷新页面，按当前状态继续。"),
    "application.station_closed": (409, "该站已经注销，不能再办理变更或注销。请核对站点编号。"),
    "application.unknown": (404, "找不到这份申请，或查询码不正确。请核对申请编号和查询码。"),
    "application.region": (400, "行政区划代码 {region} 不属于本县级平台。请核对后重新填写。"),
    "application.handover": (
        400,
        "接办站点 {station} 不存在、已注销或就是本站。请另选一个接办站点。",
    ),
    "agreement.values": (
        400,
        "协议内容不完整。请填写编号、签订日期和有效期，有效期不得早于签订日期。",
    ),
    # backup
    "backup.inside": (
        400,
        "备份不能放在平台的文件夹 {folder} 里。请选择另一块磁盘上的文件夹。",
    ),
    "backup.unsound": (
        500,
        "备份 {file} 没有通过检查，没有保留。请运行 health 检查数据库，并换一个磁盘重新备份。",
    ),
    "backup.unknown": (404, "没有这个编号的备份，或已声明销毁。请用 backups list 核对编号。"),
    # case review, catalogue, ledger
    "case.action_unknown": (400, "没有“{action}”这种处理方式。请选择更正或退回。"),
    "case.no_opinion": (400, "更正或退回办件必须写明意见。请填写意见后再提交。"),
    "case.nothing_to_correct": (400, "没有填写要更正的内容。请填写后再提交。"),
    "case.changed": (
        409,
        "这条记录在您打开页面之后有了变动，处理没有保存。请刷新页面，核对后再办理。",
    ),
    "case.unknown": (404, "找不到这条记录。请刷新列表后重新打开。"),
    "catalogue.empty": (400, "事项清单里没有一行事项。请核对文件后重新导入。"),
    "catalogue.columns": (400, "事项清单缺少“{column}”一列。请补上表头后重新导入。"),
    "catalogue.encoding": (
        400,
        "{file} 不是 UTF-8 或 GB18030 编码的 .csv 文件。请用 Excel 或 WPS 另存为 .csv 后再导入。",
    ),
    "catalogue.duplicate": (
        400,
        "事项清单第 {first} 行和第 {row} 行的事项编码相同（{item_code}）。请改正后重新导入，"
        "本次没有导入任何一行。",
    ),
    "catalogue.row": (
        400,
        "事项清单第 {row} 行不符合要求：{words}请改正后重新导入，本次没有导入任何一行。",
    ),
    "ledger.no_reason": (400, "查看完整信息必须写明理由。请填写后再查看。"),
    "record.ambiguous": (
        409,
        "不同站点有两条编号相同的记录，无法确定是哪一条。请从列表中重新打开，并联系运维人员。",
    ),
    "record.erased": (409, "这条记录的内容已按保存期限清除，不能再写入或清除。请核对记录编号。"),
    "erase.no_reason": (400, "清除记录必须写明理由。请填写后再清除。"),
    "record.values": (400, "内容不符合要求：{words}请改正后再提交。"),
    # courier: files that are carried
    "courier.no_file": (400, "没有选择文件，或文件是空的。请选择站点送来的同步包后再读入。"),
    "courier.no_reply": (409, "没有可以下载的回执包。请重新读入站点的同步包，重复读入没有影响。"),
    # undecided: what is held for the county
    "undecided.check": (
        409,
        "记录 {record} 的这一项不能收下：{words}。请退回站点改正；一并选定的其他项也没有改动。",
    ),
    "undecided.no_reason": (400, "收下或退回待核内容必须写明理由。请填写后再提交。"),
    "undecided.none_chosen": (400, "没有选定要决定的内容。请先选定再提交。"),
    "undecided.not_waiting": (
        409,
        "记录 {record} 的这一项现在不等县级决定（{words}）。请刷新页面，按当前情况继续。",
    ),
    "undecided.unknown": (404, "找不到这项待核内容。请刷新列表后重新打开。"),
    "undecided.verdict_unknown": (400, "没有“{verdict}”这种决定。请选择收下或退回。"),
    # station, code, enrolment
    "code.station_closed": (409, "该站已经注销，不能再发启用码。请核对站点编号。"),
    "enrol.code_expired": (403, "启用码已过期。请向县级平台申请新的启用码。"),
    "enrol.code_unknown": (403, "启用码不存在或已作废。请核对启用码，或向县级平台申请新的启用码。"),
    "enrol.code_used": (403, "启用码已被另一台电脑使用。请向县级平台为这台电脑申请新的启用码。"),
    "enrol.proof": (403, "启用码验证失败。请核对启用码，或向县级平台申请新的启用码。"),
    "enrol.replica_known": (
        409,
        "这台电脑已经用别的启用码启用过。请直接同步，或重新初始化后再启用。",
    ),
    "replica.not_here": (404, "没有这台电脑。请用 replica list 核对编号。"),
    "replica.not_waiting": (409, "这台电脑目前不需要准入。请用 replica list 核对状态。"),
    "replica.too_many": (
        403,
        "这台电脑换用新副本的次数已达上限（{limit} 次）。请向县级平台申请新的启用码，重新启用。",
    ),
    "replica.station_taken": (
        409,
        "这台电脑所属站点的编号 {station} 已被另一个站点使用，不能恢复。请联系县级运维人员。",
    ),
    "revoke.no_reason": (400, "撤销电脑的启用资格必须写明理由。请填写后再撤销。"),
    "replica.unknown": (403, "县级平台不认识这台电脑。请核对平台地址；如平台更换过，请重新启用。"),
    "station.codes_used_up": (
        409,
        "行政区划 {region} 的站点编号（{limit} 个）已用完，不能再批准开设。请联系技术支持。",
    ),
    "station.unknown": (404, "没有这个站点。请核对站点编号。"),
    # commands
    "command.json": (
        400,
        "{file} 不是 UTF-8 编码的 JSON 对象（栏目和内容成对，写在大括号里）。请改正后再试。",
    ),
    "command.setting": (400, "“{setting}”不能识别。请写成“栏目=内容”，栏目和内容须合乎该表单。"),
    "command.text": (400, "命令里有无法识别的字符。请把终端的编码设为 UTF-8，再重新输入。"),
    # hub
    "export.date": (400, "日期“{text}”看不懂。请写成“2026-03-01”后再导出。"),
    "export.format": (400, "不支持的导出格式“{suffix}”。请使用 .csv、.xlsx 或 .jsonl 文件名。"),
    "export.row_limit": (
        409,
        "条目超过一张工作表的上限 {limit} 行。请缩小日期范围，或导出为 .csv。",
    ),
    "hub.address": (
        400,
        "不能在 {host} 的端口 {port} 上提供服务（{reason}）。请核对 --host 和 --port。",
    ),
    "hub.busy": (503, "县级平台正忙。数据没有丢失，请稍后再次同步。"),
    "hub.disk_full": (
        503,
        "县级平台磁盘已满，暂时不能接收。数据没有丢失，请联系县级运维人员清理磁盘。",
    ),
    "hub.disk_fault": (
        503,
        "县级平台读写磁盘出错，本次没有保存。已登记的数据没有丢失，稍后会再次同步；"
        "请联系县级运维人员检查磁盘。",
    ),
    "hub.emptied": (
        500,
        "文件夹 {folder} 里的数据库 {file} 是空的，可能已损坏。请从备份恢复，"
        "不要重新运行 init，也不要删除任何文件。",
    ),
    "hub.exists": (409, "文件夹 {folder} 里已经有一个县级平台。请换一个空文件夹，或直接启动它。"),
    "hub.database": (500, "打不开数据库（{reason}）。请核对数据库密钥和磁盘，不要删除任何文件。"),
    "hub.file": (400, "无法读写文件 {file}（{reason}）。请核对路径、权限和磁盘空间。"),
    "hub.fault": (500, "县级平台内部出错，操作没有完成。请稍后再试；反复出现请联系运维人员。"),
    "hub.journal": (
        500,
        "日志文件 {file} 第 {line} 行已损坏。请从另一份副本恢复该文件后再启动，不要删除它。",
    ),
    "hub.key_file": (500, "密钥文件 {file} 无法使用（{reason}）。请从备份恢复该文件后再启动。"),
    "hub.missing": (500, "文件夹 {folder} 里没有县级平台。请核对 --home，或先运行 init。"),
    "hub.name_form": (400, "平台名称应为 1 至 100 个字符。请重新输入。"),
    "hub.port_taken": (409, "端口 {port} 已被占用。请关闭占用它的程序，或用 --port 换一个端口。"),
    "hub.region_form": (400, "县级平台的行政区划代码应为 6 位数字。请核对后重新输入。"),
    "hub.second_instance": (409, "文件夹 {folder} 里的县级平台已经在运行。请使用已启动的那一个。"),
    "hub.sqlite": (500, "SQLite {version} 有已知缺陷，可能损坏数据。请升级 sqlcipher3 后再启动。"),
    "page.before_restore": (
        409,
        "平台在您打开页面之后从备份恢复过，处理没有保存。请刷新页面，核对后再办理。",
    ),
    "request.page_expired": (400, "页面放置过久，已经失效，没有提交。请刷新页面后再提交一次。"),
    "request.unreadable": (400, "无法读取这个请求。请从首页重新进入。"),
    "request.not_found": (404, "没有这个地址。请核对网址。"),
    "request.not_allowed": (405, "这个地址不支持这种请求。请升级程序或联系运维人员。"),
    "request.too_large": (413, "请求超过 {limit} 字节的上限，已拒绝。请升级程序或联系运维人员。"),
    "request.too_many": (429, "请求过于频繁。请等几分钟后再试。"),
}

WORDS: dict[str, str] = {code: words for code, (_, words) in _TABLE.items()}
STATUS: dict[str, int] = {code: status for code, (status, _) in _TABLE.items()}


class HubError(Exception):
    """Something somebody must be told: a stable `code` and the `facts` its sentence needs."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({facts})" if facts else self.code

    @property
    def status(self) -> int:
        """The HTTP status of this error."""
        return STATUS[self.code]

    def words(self) -> str:
        """What happened and what to do next, in Chinese."""
        return WORDS[self.code].format_map(self.facts)
