"""What must hold for the template, beyond what a general linter checks.

Each rule is a function that yields one sentence for each fault: what is wrong, where, and what to
do. `lint.py` runs them all; `test_rules.py` plants each fault and checks that its rule finds it.
"""

from rules import agreement, alarms, api, functions, keys, pipe, references, saga
from rules.register import RULES, Faults

__all__ = [
    "RULES",
    "Faults",
    "agreement",
    "alarms",
    "api",
    "functions",
    "keys",
    "pipe",
    "references",
    "saga",
]
