"""Run Python models: hand them narwhals lazy frames, make their result readable by SQL."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.pipeline.errors import FrameModelError

if TYPE_CHECKING:
    from lakeworks.engines.protocol import Session
    from lakeworks.project.declaration import Model

_RESULT = "model.result"


def as_sql(model: Model, session: Session) -> str:
    """Call the model on the session's bound tables; return a SELECT over its result.

    Raises:
        FrameModelError: the model raised, or returned something else than a lazy frame.
    """
    result = _result(model, session)
    session.register(_RESULT, result)
    return f"select * from {_RESULT}"


def plan_sql(model: Model, session: Session) -> str | None:
    """Return the SQL of the frame that the model makes, where the engine's frames tell it.

    Raises:
        FrameModelError: as for `as_sql`.
    """
    native = _result(model, session).to_native()
    told = getattr(native, "sql_query", None)
    return str(told()) if callable(told) else None


def _result(model: Model, session: Session) -> Any:  # noqa: ANN401 - a narwhals LazyFrame
    import narwhals as nw

    assert model.function is not None  # noqa: S101 - the caller asked for a Python model
    frames = {
        argument: session.frame(str(table)) for argument, table in model.frame_inputs.items()
    }
    try:
        result = model.function(**frames)
    except LakeError:
        raise
    except Exception as error:
        raise FrameModelError.raised(model.table, _place(model, error), error) from error
    if not isinstance(result, nw.LazyFrame):
        raise FrameModelError.wrong_result(model.table, str(model.at), result)
    return result


def _place(model: Model, error: BaseException) -> str:
    """Return file and line of the innermost frame that lies in the model's own file."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith(model.at.file)
    ]
    return f"{model.at.file}:{lines[-1]}" if lines else str(model.at)
