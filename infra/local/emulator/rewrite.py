"""Changes single lines of functions of MiniStack, and fails if they are not as expected."""

from __future__ import annotations

import __future__ as features
import inspect
import textwrap
from types import ModuleType


def rewrite(module: ModuleType, function: str, before: str, after: str) -> None:
    """Replace `before`, which must occur once, in the source of a function of this module."""
    present = getattr(module, function)
    source = textwrap.dedent(inspect.getsource(present))
    if source.count(before) != 1:
        raise RuntimeError(f"{module.__name__}.{function} does not contain {before!r} once")
    flags = present.__code__.co_flags & features.annotations.compiler_flag
    code = compile(source.replace(before, after), inspect.getfile(present), "exec", flags)
    exec(code, vars(module))
