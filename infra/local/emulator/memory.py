"""Lets MiniStack remember what it computes for every request, and collect garbage less often.

Remembered are results that depend on the arguments alone: tokens and syntax of DynamoDB's
expressions, and parsed policies. They are the same few for all requests of the functions.
"""

import functools
import gc

from ministack.core import iam_evaluator
from ministack.services import dynamodb

REMEMBERED = 4096


def install() -> None:
    remember = functools.lru_cache(REMEMBERED)
    tokens_of = remember(dynamodb._tokenize)
    # A list of its own for each caller.
    dynamodb._tokenize = lambda expression: list(tokens_of(expression))
    dynamodb._condition_syntax_error = remember(dynamodb._condition_syntax_error)

    parse = iam_evaluator.parse_policy_document
    parsed = remember(parse)

    def parse_policy_document(document):
        return parsed(document) if isinstance(document, str) else parse(document)

    iam_evaluator.parse_policy_document = parse_policy_document


def collect_less_often() -> None:
    """What is loaded at the start stays. The rest is collected after more new objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
