"""A live worklist that nobody follows (see `integrations.live.worklist.LiveWorklist`)."""


class NobodyListens:
    url = ""

    def __init__(self) -> None:
        self.published: list[str] = []

    def publish(self, case_id: str) -> bool:
        self.published.append(case_id)
        return False
