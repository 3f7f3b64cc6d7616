"""Who still needs an entity: a service of which something is live."""

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

import pipelines.query


class InUse:
    """As the catalog asks for it."""

    def of(self, session: Session, refs: Collection[str]) -> Mapping[str, str]:
        live = pipelines.query.summaries(session, list(refs)) if refs else {}
        return {
            ref: f"is live in {environment} as release {told.live.release}"
            for (ref, environment), told in live.items()
            if told.live
        }
