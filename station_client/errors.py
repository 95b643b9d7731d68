"""The station's one error type, and the one table that turns its codes into a clerk's words.

A code is dotted, stable and never reused: programs, tests and documents refer to it. To add one,
write its sentence into `WORDS` beside the others of its prefix; the sentence says what happened and
what to do next, and may use the facts by name in braces. Facts go into logs: never a PIN, a key, or
anything about a citizen.

Knows nobody: every other file of the station may import this one.
"""

WORDS: dict[str, str] = {
    # home: the station's folder
    "home.config_damaged": "配置文件 {file} 已损坏。请不要删除任何文件，联系县级运维人员恢复该文件。",
    "home.config_missing": (
        "数据文件夹里有数据，但缺少配置文件 {file}。请把它从原文件夹或备份中放回后再启动。"
    ),
    "home.config_newer": "数据文件夹由更新版本的程序建立。请先升级本程序，数据没有改动。",
    "home.file_refused": "无法读写 {file}（{reason}）。请检查文件夹权限和磁盘后重试。",
    "home.disk_full": "磁盘已满，无法写入文件 {file}。请清理磁盘空间后重试，已保存的数据不受影响。",
    "home.not_a_station_folder": (
        "文件夹 {folder} 里有其他程序的文件，不能作为数据文件夹。请换一个空文件夹。"
    ),
    "home.second_instance": "程序已经在运行。请使用已打开的窗口，或先退出它再启动。",
    # vault: key slots, PIN and passphrase
    "vault.ambiguous_clerk": "有多位工作人员使用相同的 PIN。请先选择自己的编号，再输入 PIN。",
    "vault.clerk_exists": "这位工作人员已经有解锁密码。如需更换，请使用“修改 PIN”。",
    "vault.damaged": "密钥文件 {file} 已损坏。请不要删除任何文件，联系县级运维人员恢复该文件。",
    "vault.device_secret_missing": (
        "打不开本站的设备密钥：{reason}。请用平时的账户登录并解锁系统密钥库后重试；"
        "如换过电脑或重装过系统，请联系县级运维人员。"
    ),
    "vault.exists": "这个数据文件夹已经设置过解锁密码。请直接解锁，不要重新设置。",
    "vault.full": "工作人员已满 {limit} 位。请先移除离岗人员再添加。",
    "vault.last_clerk": "这是最后一位能解锁的工作人员，不能移除。请先添加另一位工作人员。",
    "vault.locked_out": "输错次数太多。请等 {minutes_to_wait} 分钟后再试。",
    "vault.missing": "还没有设置解锁密码。请先完成本站的首次设置；如以前设置过，请放回 {file}。",
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
        return WORDS[self.code].format_map(self.facts)
