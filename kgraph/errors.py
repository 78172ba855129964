"""The only exceptions that kgraph raises on purpose: one line each, what, where, expected, received, what to do."""


class KgraphError(Exception):
    """Anything a caller can mend: a source that cannot be read, a call that is wrong, a file that cannot be written."""


class SourceError(KgraphError):
    """The source is not something that kgraph can read."""


class TextError(SourceError):
    """The text form is malformed; the message names the line."""


class GraphError(KgraphError):
    """A Graph would break one of its invariants."""


class RewriteError(KgraphError):
    """A pattern proposed a rewrite that would change the graph's meaning, or never settles."""


class DrawError(KgraphError):
    """A drawing could not be made or written."""


class SizesError(KgraphError):
    """A model cannot be called on inputs of these sizes."""
