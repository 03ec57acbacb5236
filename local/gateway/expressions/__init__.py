"""Policy expressions: the subset of C# that our policies use, parsed, type-checked, compiled to closures.

`compile` refuses at start what it does not know: another type, another member, a statement
block. Nothing is ever evaluated as Python.
"""

from local.gateway.expressions.checker import Compiled, compile_expression
from local.gateway.expressions.dotnet import EvaluationError
from local.gateway.expressions.library import Kind
from local.gateway.expressions.syntax import ExpressionRefused

__all__ = ["Compiled", "EvaluationError", "ExpressionRefused", "Kind", "compile_expression"]
