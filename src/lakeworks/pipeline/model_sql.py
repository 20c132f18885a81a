"""The SELECT that makes a model's rows, once the tables that it reads are bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.pipeline import frame_models

if TYPE_CHECKING:
    from lakeworks.engines.protocol import Session
    from lakeworks.project.athena.scopes import Columns
    from lakeworks.project.declaration import Model


def select_of(model: Model, session: Session) -> str:
    """Return the SELECT in the lake's dialect, over names bound in a session.

    What Athena's dialect means hangs on the columns' types, which are known here, and were not when
    the model was loaded.

    Raises:
        FrameModelError: a Python model raised, or returned something else than a lazy frame.
        AthenaUnsupportedError: for these types something in it does not work here.
    """
    if model.function:
        return frame_models.as_sql(model, session)
    if model.in_athena is None:
        return model.sql or ""
    from lakeworks.project.athena.kinds import of_type
    from lakeworks.project.athena.translation import translate

    inputs = {str(table).lower(): str(table) for table in model.inputs}

    def columns_of(name: str) -> Columns:
        table = inputs.get(name)
        if table is None:
            return {}
        parts = ".".join(quote_identifier(part) for part in table.split("."))
        found = session.describe(f"SELECT * FROM {parts}")
        return {field.name.lower(): of_type(field.type) for field in found}

    return translate(model.in_athena, columns_of)
