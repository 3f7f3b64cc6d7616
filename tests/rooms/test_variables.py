"""A way back is planned with the settings of then: the frozen spec of the release that was healthy with it."""

from tests.rooms.deploying import PRODUCTION, House, Repository, described, house, repository, served_by, service

__all__ = ["house", "repository"]


def test_going_back_plans_with_the_settings_that_the_release_ran_with(house: House, repository: Repository) -> None:
    served_by(house, repository, described(takes="7s"))
    served_by(house, repository, described(takes="1s"))

    plan = house.planner.preview_rollback(service(), PRODUCTION, 1, house.now).plan

    assert plan.target["takes"] == "7s"
