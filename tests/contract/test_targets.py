"""What an OMERO does for us with datasets, projects and screens."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.core.errors import TargetNotFound
from flows.core.omero_client import resolve_target
from flows.core.requests import Target

pytestmark = pytest.mark.contract

NOWHERE = 2**62


def resolve(session, text, *, make=True):
    return resolve_target(session, Target.parse(text), make=make)


def count(session, kind, name):
    return len(session.rows(f"select o.id from {kind} o where o.name = :name", name=name))


@pytest.mark.parametrize("kind", ["Dataset", "Screen"])
def test_a_missing_one_is_made_once_and_found_again(session, unique, kind):
    first = resolve(session, f"{kind}:name:{unique}")
    second = resolve(session, f"{kind}:name:{unique}")

    assert (first.kind, first.name) == (kind, unique)
    assert first == second == resolve(session, f"{kind}:id:{first.id}") == resolve(session, f"{kind}:{first.id}")


def test_a_look_makes_nothing_and_says_what_would_be_made(session, unique):
    looked = resolve(session, f"Project:name:{unique}/Dataset:name:cells", make=False)

    assert (looked.id, looked.to_make) == (None, (f"Project {unique}", "Dataset cells"))
    assert count(session, "Project", unique) == 0


def test_a_dataset_is_looked_up_within_its_project_only(session, unique):
    elsewhere = resolve(session, f"Dataset:name:{unique}")
    within = resolve(session, f"Project:name:{unique}/Dataset:name:{unique}")
    again = resolve(session, f"Project:id:{within.project_id}/Dataset:name:{unique}")

    assert within.id != elsewhere.id
    assert again == within


def test_a_dataset_given_by_id_must_be_in_the_project(session, unique):
    elsewhere = resolve(session, f"Dataset:name:{unique}")
    project = resolve(session, f"Project:name:{unique}/Dataset:name:cells").project_id

    with pytest.raises(TargetNotFound, match="in that project"):
        resolve(session, f"Project:id:{project}/Dataset:id:{elsewhere.id}")


def test_of_several_of_a_name_the_sign_chooses(session, unique):
    oldest = resolve(session, f"Dataset:@name:{unique}")
    newest = resolve(session, f"Dataset:@name:{unique}")

    assert oldest.id < newest.id
    assert resolve(session, f"Dataset:-name:{unique}") == oldest
    assert resolve(session, f"Dataset:+name:{unique}") == resolve(session, f"Dataset:name:{unique}") == newest
    with pytest.raises(TargetNotFound, match="2 datasets"):
        resolve(session, f"Dataset:%name:{unique}")


def test_a_name_that_must_be_the_only_one_is_made_when_missing(session, unique):
    made = resolve(session, f"Dataset:%name:{unique}")

    assert resolve(session, f"Dataset:%name:{unique}") == made


@pytest.mark.parametrize("make", [True, False], ids=["to use", "to look"])
@pytest.mark.parametrize(
    "target",
    [f"Dataset:id:{NOWHERE}", f"Screen:id:{NOWHERE}", f"Project:id:{NOWHERE}/Dataset:name:x"],
)
def test_an_id_of_nothing_is_not_found(session, target, make):
    with pytest.raises(TargetNotFound, match=str(NOWHERE)):
        resolve(session, target, make=make)


def test_threads_that_ask_at_a_time_make_it_once(session, unique):
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: resolve(session, f"Project:name:{unique}/Dataset:name:{unique}"), range(6)))

    assert len({each.id for each in found}) == 1
    assert count(session, "Project", unique) == count(session, "Dataset", unique) == 1


def test_a_name_may_hold_what_queries_are_made_of(session, unique):
    name = f"{unique} 'quoted' \"%:_ /\\ 漢"

    assert resolve(session, f"Dataset:name:{name}") == resolve(session, f"Dataset:name:{name}")
