"""What can be wrong with what was written: stable codes, and the words that say what to do next.

Facts name fields, limits and states. They never repeat what a person wrote, so that a problem can be
logged and sent without telling anything about anyone.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from forms.definition import Form

Fact = str | int


class Problem(msgspec.Struct, frozen=True):
    """One problem of one register. ``field`` is the register's name, ``""`` for the whole record."""

    field: str
    code: str
    facts: Mapping[str, Fact] = {}

    def words(self, form: Form) -> str:
        """The sentence a clerk or officer reads."""
        facts = dict(self.facts)
        if "other" in facts:
            facts["other"] = form.label(str(facts["other"]))
        field = form.find(self.field)
        typed = _TYPED.get(field.type, "") if field is not None else ""
        return WORDS[self.code].format(
            label=form.label(self.field), field=self.field, typed=typed, **facts
        )


_TYPED = {"limit": "，如：即办、5", "integer": "，如：2"}
"""Type of a field → how its value is typed, where what was typed could not be read as one."""

WORDS: dict[str, str] = {
    "author": "“{label}”不由本方填写，请去掉这一项后再提交。",
    "control_character": "“{label}”里有不可见的控制字符，请删去后重新输入。",
    "element": "“{label}”中有一行的“{column}”填写有误，请打开该行核对后改正。",
    "element_id": "“{label}”的行编号不合规定，请删去该行后重新添加。",
    "element_required": "“{label}”中有一行缺少“{column}”，请补填，或删去该行。",
    "emptied": "“{label}”是必填项，不能改为空白，请填写后再保存。",
    "false_mark": "导入标注与所写内容不符，请重新导入这一行。",
    "format": "“{label}”的格式不对，请照示例填写：{example}。",
    "not_above": "“{label}”不能大于“{other}”，请核对两项后改正。",
    "not_before": "“{label}”不能早于“{other}”，请核对两个时间后改正。",
    "not_in_list": "“{label}”只能从列表中选择，请重新选择。",
    "projection": "工作台账由办件自动生成，不能直接填写，请打开对应的办件修改。",
    "required": "“{label}”还没有填写，请补填。",
    "source": "导入来源的内容不完整，请重新导入这一行。",
    "source_fixed": "导入时的原始内容不能修改，请修改办件本身的各项。",
    "state_move": "不能由本方把“{label}”改为这个状态，请刷新页面，按当前状态继续办理。",
    "too_large": "“{label}”不能大于{limit}，请改正。",
    "too_long": "“{label}”最多{limit}个字，请缩短。",
    "too_small": "“{label}”不能小于{limit}，请改正。",
    "type": "“{label}”的写法无法识别，请清空后重新填写{typed}。",
    "unknown_field": "这张表单里没有“{field}”一项，请更新程序后再提交。",
    "unreadable": "“{label}”原表所写无法确认含义，请对照原表补填。",
    "void_reason": "作废必须写明原因（不超过{limit}个字），请填写后再作废。",
    # Why a row of a ledger file was set aside.
    "set_aside_no_date": "这一行没有日期，无法入账。请在修复文件中补上“时间”后重新导入。",
    "set_aside_unreadable_date": "这一行的日期无法确认，请改为“2024-03-01”的写法后重新导入。",
    "set_aside_no_line_above": "日期写作“同上”，但上面没有可用的行。请写明日期后重新导入。",
    "set_aside_too_large": "这一行的文字太多，无法入账。请缩短后重新导入，原文另存。",
    "set_aside_not_a_line": "这一行内容太少，不像台账条目。确是条目的，请补全后重新导入。",
}
"""Code → words. Codes are never reused for another meaning."""
