"""Pattern rewriters: hand-written subgraphs fused into one call."""

from kgraph.rewrite.base import Match, Outcome, Pattern, Refused, Replacement
from kgraph.rewrite.engine import rewrite

__all__ = ["Match", "Outcome", "Pattern", "Refused", "Replacement", "rewrite"]
