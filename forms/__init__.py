"""What is written down: forms as data, their typed loader and the one checker. Knows nobody."""

from forms.checker import check_record, check_writes, remaining_marks
from forms.definition import (
    Author,
    Cell,
    Code,
    Condition,
    Field,
    Form,
    Grid,
    Policy,
)
from forms.ledger import LEDGER_COLUMNS, LedgerLine, ledger_line
from forms.ledger_rows import (
    Columns,
    Imported,
    SetAside,
    classify_row,
    join_header,
    read_header,
    read_ledger_row,
)
from forms.loader import DefinitionError, load
from forms.problems import WORDS, Problem
from forms.registers import ALIVE, element_register, elements, is_empty, split_register
from forms.registry import Forms, builtin, builtin_files

__all__ = [
    "ALIVE",
    "LEDGER_COLUMNS",
    "WORDS",
    "Author",
    "Cell",
    "Code",
    "Columns",
    "Condition",
    "DefinitionError",
    "Field",
    "Form",
    "Forms",
    "Grid",
    "Imported",
    "LedgerLine",
    "Policy",
    "Problem",
    "SetAside",
    "builtin",
    "builtin_files",
    "check_record",
    "check_writes",
    "classify_row",
    "element_register",
    "elements",
    "is_empty",
    "join_header",
    "ledger_line",
    "load",
    "read_header",
    "read_ledger_row",
    "remaining_marks",
    "split_register",
]
