"""The station's one error type, and the one table that turns its codes into a clerk's words.

A code is dotted, stable and never reused: programs, tests and documents refer to it. To add one,
write its sentence into `WORDS` beside the others of its prefix; the sentence says what happened and
what to do next, and may use the facts by name in braces. Facts go into logs: never a PIN, a key, or
anything about a citizen.

Codes of the protocol's faults keep their code and their words: see `told`. Knows nobody else of the
station: every other file of it may import this one.
"""

from sync_protocol import errors as protocol_errors
from sync_protocol.errors import ProtocolError

WORDS: dict[str, str] = {
    # backup: a copy of the store
    "backup.inside": "备份不能放在数据文件夹 {folder} 里。请选择 U 盘或另一块磁盘上的文件夹。",
    "backup.not_sound": "备份 {file} 打不开或已损坏，没有用它恢复。请换一份备份，本机的数据没有改动。",
    "backup.unsound": "备份 {file} 没有通过检查，没有保留。请换一个磁盘重新备份，本机的数据不受影响。",
    # home: the station's folder
    "home.config_damaged": "配置文件 {file} 已损坏。请不要删除任何文件，联系县级运维人员恢复该文件。",
    "home.config_missing": (
        "数据文件夹里有数据，但缺少配置文件 {file}。请把它从原文件夹或备份中放回后再启动。"
    ),
    "home.config_newer": "数据文件夹由更新版本的程序建立。请先升级本程序，数据没有改动。",
    "home.erasing": (
        "上一个站点的数据还没有清除完，有文件正在使用。请退出本程序再启动，然后启用本站；"
        "仍然不行的，请运维人员删除文件夹 {folder} 里剩下的文件。"
    ),
    "home.file_refused": "无法读写 {file}（{reason}）。请检查文件夹权限和磁盘后重试。",
    "home.disk_full": "磁盘已满，无法写入文件 {file}。请清理磁盘空间后重试，已保存的数据不受影响。",
    "home.not_a_station_folder": (
        "文件夹 {folder} 里有其他程序的文件，不能作为数据文件夹。请换一个空文件夹。"
    ),
    "home.second_instance": "程序已经在运行。请使用已打开的窗口，或先退出它再启动。",
    # exchange: the one way to the county
    "exchange.under_way": "正在与县级平台同步，可以继续登记。请过一会儿再试。",
    # courier: files on a stick
    "courier.answered": (
        "这个回执包已经读入过，或者是对更早的同步包的回执，没有改变任何数据。"
        "还有待上报的内容时，请重新导出同步包。"
    ),
    "courier.former": (
        "这个回执包回给本机恢复或换编号之前的同步包，已经打不开，没有改变任何数据，内容也没有丢失。"
        "请重新导出同步包送到县级。"
    ),
    "courier.no_file": "没有选择文件，或文件是空的。请选择县级交回的回执包后再读入。",
    # clerk: the people of the desk
    "clerk.name": "工作人员的姓名应为 1 至 100 个字，不含看不见的字符。请改正姓名后再试。",
    # conflict, form, record: what a clerk writes
    "conflict.moved_on": "这处冲突刚刚有了新的内容，还没有处理。请重新打开，看过各方内容后再选择。",
    "conflict.unknown": "这处冲突已经处理过，这一次的选择没有写入。请打开办件核对。",
    "form.problems": "有 {count} 处需要更正，内容没有丢失。请按每一处的提示修改后再保存。",
    "record.erased": "这条记录的内容已按保存期限清除，不能再查看或修改。如需继续办理，请重新登记。",
    "record.form_unknown": "本程序还不认识表单“{kind}”，不能修改这条记录。请先升级程序。",
    "record.kind_unknown": "没有可以填写的表单“{kind}”。请从列表中选择。",
    "record.moved_on": "保存前这条记录刚刚有了新的内容，这次没有写入。请核对后再保存。",
    "record.numbers_used_up": "今天的编号（{limit} 个）已用完。请明天再登记，或在另一台电脑上登记。",
    "record.unknown": "没有这条记录。请从台账中重新打开。",
    "record.void": "这条记录已经作废，不能再修改。如需继续办理，请重新登记。",
    "record.void_conflict": "这条记录一方作废、一方修改。请先在“待处理”页选定以哪一边为准，再修改。",
    # export: files for people
    "export.kind_unknown": "不能导出为 {suffix} 文件。请使用 .xlsx、.csv 或 .json。",
    # import: an existing ledger; nothing has been saved when one of these is shown
    "import.changed": "读取时 {file} 被改动。请在其他程序中保存并关闭它，再重新导入；没有导入任何内容。",
    "import.damaged": "{file} 已损坏或不完整。请用 Excel 或 WPS 打开并另存为 .xlsx 后再导入；没有导入任何内容。",
    "import.empty": "{file} 是空的，没有可以导入的内容。请核对是否选错了文件。",
    "import.encoding": "{file} 的文字编码无法识别。请用 Excel 或 WPS 打开，另存为 .xlsx 后再导入。",
    "import.encrypted": "{file} 设有打开密码。请在 Excel 或 WPS 中打开，去掉密码另存后再导入。",
    "import.file_refused": "无法读取 {file}（{reason}）。请关闭正在使用它的程序，核对路径和权限后重试。",
    "import.no_file": "找不到文件 {file}。请核对文件名和所在文件夹。",
    "import.no_header": (
        "{file} 里没有找到台账表头。请在条目上方加一行表头，写明各列名称，"
        "如“序号、时间、便民服务站名称、窗口、事项所属、姓名、联系方式、申请事项”等，"
        "其中“时间”必须有；没有导入任何内容。"
    ),
    "import.no_lines": "{file} 只有表头，没有台账条目。请核对是否选错了文件。",
    "import.repair_refused": (
        "无法在台账旁边写修复文件 {file}（{reason}），所以没有导入任何内容。"
        "请把台账复制到可以写入的文件夹后再导入。"
    ),
    "import.too_large": "{file} 超过 {limit} MB。请按年度或月份拆成几个文件后分别导入。",
    "import.too_many_rows": "{file} 的表格超过 {limit} 行，或有内容远在表格之外。请删去多余内容或拆成几个文件后再导入。",
    "import.unpacked_too_large": "{file} 解开后超过 {limit} MB，已拒绝读取。请另存为只含台账的新文件后再导入。",
    "import.wrong_type": "{file} 是{kind}，不是台账表格。请用 Excel 或 WPS 另存为 .xlsx 或 .csv 后再导入。",
    # import.row: why a row was set aside
    "import.row_damaged": "这一行有损坏的文字，无法辨认。请对照原件改正后重新导入。",
    "import.row_no_header": "这个工作表没有表头，无法确认各列的含义。请在上方补上表头、核对各列后重新导入。",
    "import.row_shifted": "这一行的格数与表头不一致，各格可能错位。请移到正确的列后重新导入。",
    # retire: the end of this PC's data
    "retire.confirm": "没有确认：请输入本站编号 {station}，再点一次。没有改动任何数据。",
    "retire.not_yet": "现在还不能这样做：{reasons}没有改动任何数据。",
    "retire.sealed": "本机已封存，只能查看，还不能销毁：{reasons}没有销毁任何数据。",
    # serve: the pages of this PC
    "serve.port_taken": "端口 {port} 及其后的端口都被占用。请换一个端口，或不指定端口再启动。",
    # station: enrolment of this PC
    "station.already_enrolled": "这个数据文件夹已经启用，不能再次启用。请直接解锁使用。",
    "station.not_reached": (
        "还没有启用：没有得到县级平台的应答（{cause}）。请核对平台地址，检查网线或热点；"
        "网络要求先登录的，请在浏览器中登录。然后再点“启用本站”，启用码仍然有效。"
    ),
    "station.sealed": "本机已经封存，只能查看，不能再登记。需要登记时，请联系县级。",
    "station.not_enrolled": "这台电脑还没有启用。请先输入县级平台地址和启用码完成启用。",
    # store: the encrypted database
    "store.damaged": "数据文件 {file} 已损坏。请停止使用，不要删除任何文件，联系县级运维人员恢复。",
    "store.disk_failed": "磁盘读写出错，这一次没有保存。请检查磁盘和文件夹权限后重试，已保存的数据不受影响。",
    "store.disk_full": "磁盘已满，这一次没有保存。请清理磁盘空间后重试，已保存的数据不受影响。",
    "store.missing": "找不到数据文件 {file}。请把它从原文件夹或备份中放回，不要重新启用。",
    "store.newer": "数据文件由更新版本的程序写成。请先升级本程序，数据没有改动。",
    "store.not_opened": "打不开数据文件 {file}：它已损坏，或不属于这个密钥文件。文件没有改动，请联系县级运维人员。",
    "store.sqlite_unsafe": "本程序带的数据库组件（SQLite {version}）有可能丢失数据，已拒绝使用。请重新安装程序。",
    # transport: the way to the county
    "transport.bad_address": "平台地址 {address} 不正确。请输入以 http:// 或 https:// 开头的地址。",
    "transport.bad_proxy": "这台电脑的网络代理设置不正确，连不上县级平台。可以继续登记，请联系运维人员核对代理设置。",
    "transport.bad_status": "县级平台没有正常应答（状态 {status}）。数据没有丢失，程序会自动重试；反复出现请联系运维人员。",
    "transport.captive_portal": "网络要求先登录（收到的是网页）。请在浏览器中完成网络登录，再点“立即同步”。",
    "transport.cut_short": "传输中断，数据没有丢失。程序会自动重试。",
    "transport.down": "连不上县级平台，可以继续登记。请检查网线或热点，程序会自动重试。",
    "transport.not_trusted": "县级平台的安全证书不可信，没有发送任何数据。请联系运维人员核对。",
    "transport.refused": "县级平台没有接受请求（{hub_code}）：{message}。",
    "transport.timeout": "县级平台太久没有应答，可以继续登记。程序会自动重试。",
    "transport.too_large": "收到的数据超过 {limit} 字节的上限，已拒绝。请联系运维人员。",
    "transport.too_slow": "传输太慢，{minutes} 分钟没有传完，已中断。数据没有丢失，程序会自动重试，每次少传一些。",
    # vault: key slots, PIN and passphrase
    "vault.ambiguous_clerk": "有多位工作人员使用相同的 PIN。请先选择自己的编号，再输入 PIN。",
    "vault.clerk_exists": "这位工作人员已经有解锁密码。如需更换，请在“人员”页更换。",
    "vault.damaged": "密钥文件 {file} 已损坏。请不要删除任何文件，联系县级运维人员恢复该文件。",
    "vault.device_secret_missing": (
        "打不开本站的设备密钥：{reason}。请用平时的账户登录并解锁系统密钥库后重试；"
        "如换过电脑或重装过系统，请联系县级运维人员。"
    ),
    "vault.exists": "这个数据文件夹已经设置过解锁密码。请直接解锁，不要重新设置。",
    "vault.full": "工作人员已满 {limit} 位。请先停用离岗人员再添加。",
    "vault.last_clerk": "这是最后一位能解锁的工作人员，不能停用。请先添加另一位工作人员。",
    "vault.locked_out": "输错次数太多。请等 {minutes_to_wait} 分钟后再试。",
    "vault.lost": "缺少密钥文件 {file}，数据打不开，但都还在。请把它从原文件夹或备份中放回，不要重新设置。",
    "vault.missing": "还没有设置解锁密码。请先完成本站的首次设置。",
    "vault.newer_format": "密钥文件由更新版本的程序写成。请先升级本程序，数据没有改动。",
    "vault.passphrase_too_short": "这台电脑没有可用的系统密钥库，请设置至少 {shortest} 个字符的口令。",
    "vault.pin_not_digits": "PIN 只能用数字，请输入至少 {shortest} 位数字。",
    "vault.pin_too_short": "PIN 太短，请输入至少 {shortest} 位数字。",
    "vault.secret_too_simple": "PIN 或口令太简单，请不要使用同一个字符或连续数字，换一个再试。",
    "vault.unknown_clerk": "没有这位工作人员的解锁密码。请重新选择，或请同事为其添加。",
    "vault.unknown_suite": "密钥文件使用了本程序不认识的加密算法（{suite}）。请先升级本程序。",
    "vault.wrong_pin": "PIN 或口令不对，还可以再试 {tries_left} 次。请核对后重新输入。",
}


class StationError(Exception):
    """Something the clerk must be told: a stable `code` and the `facts` its sentence needs."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({facts})" if facts else self.code

    def words(self) -> str:
        """What happened and what to do next, in Chinese, for the page or the command line."""
        words = WORDS.get(self.code) or protocol_errors.WORDS[self.code]
        return words.format_map(self.facts)


def words_for(code: str) -> str:
    """The words of a code that was kept without its facts, as a failed exchange is."""
    words = WORDS.get(code) or protocol_errors.WORDS.get(code) or code
    return words.format_map(_Unknown())


class _Unknown(dict[str, object]):
    def __missing__(self, fact: str) -> str:
        return "…"


def told(fault: ProtocolError) -> StationError:
    """A fault of the protocol as the clerk is told of it."""
    return StationError(fault.code, **fault.facts)
