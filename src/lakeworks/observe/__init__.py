"""What is told of the lake's work to whoever watches from outside."""

from lakeworks.observe.listener import OpenLineageListener
from lakeworks.observe.openlineage import Translator

__all__ = ["OpenLineageListener", "Translator"]
