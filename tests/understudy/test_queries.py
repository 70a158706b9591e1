"""HQL: what clients ask is answered, what is wrong is refused, what is beyond us says so."""

from pathlib import Path
from typing import Any

import omero
import pytest
from omero.rtypes import rlong, rstring

from tests.understudy.conftest import Connect
from tests.understudy.plain import comment, dataset, delete, do_import, project


@pytest.fixture
def alice(connect: Connect) -> Any:
    return connect("alice")


ANSWERED = {
    "equal": "d.name = :name",
    "parameter-list": "d.name in (:name)",
    "like": "d.name like concat(:name, '%')",
    "lower": "lower(d.name) = lower(:name)",
    "not-null": "d.name = :name and d.description is null",
    "or-not": "not (d.name != :name or d.id < 0)",
    "between": "d.name = :name and d.id between 1 and 100000",
    "owner": "d.name = :name and d.details.owner.omeName = 'alice'",
    "sub-select": "d.id in (select e.id from Dataset e where e.name = :name)",
    "correlated": "d.name = :name and exists (select e from Dataset e where e.id = d.id)",
    "empty-collection": "d.name = :name and size(d.imageLinks) = 0",
    "concatenation": "d.name || '-x' = :name || '-x'",
}


@pytest.mark.parametrize("condition", ANSWERED.values(), ids=ANSWERED)
def test_a_condition_finds_the_one_it_describes(alice: Any, unique: str, condition: str) -> None:
    made = dataset(alice, unique)
    dataset(alice, unique[::-1])

    assert project(alice, f"select d.id from Dataset d where {condition}", name=unique) == [[made.id.val]]


def test_names_without_an_alias_belong_to_the_only_class(alice: Any, unique: str) -> None:
    made = dataset(alice, unique)

    assert project(alice, "SELECT id FROM Dataset WHERE name = :name", name=unique) == [[made.id.val]]


def test_results_are_ordered_counted_and_paged(alice: Any, unique: str) -> None:
    for letter in "bca":
        dataset(alice, unique + letter)
    parameters = omero.sys.ParametersI().page(1, 2)
    parameters.addString("like", unique + "%")
    query = "select d from Dataset d where d.name like :like order by d.name desc"
    found = alice.getSession().getQueryService().findAllByQuery(query, parameters)

    assert [one.name.val[-1] for one in found] == ["b", "a"]
    assert project(alice, "select count(*) from Dataset d where d.name like :like", like=unique + "%") == [[3]]


def test_join_fetch_loads_and_nothing_else_does(alice: Any, image: Path) -> None:
    image_id = do_import(alice, image).objects[0].id
    find = alice.getSession().getQueryService().findByQuery
    parameters = omero.sys.ParametersI().addId(image_id)
    bare = find("select i from Image i where i.id = :id", parameters)
    query = "select i from Image i join fetch i.pixels as p join fetch p.pixelsType where i.id = :id"
    loaded = find(query, parameters)

    assert not bare.isPixelsLoaded()
    assert loaded.getPrimaryPixels().getPixelsType().getValue().val == "uint16"
    assert not loaded.isAnnotationLinksLoaded()
    assert not loaded.details.owner.isLoaded()


def test_a_fetched_collection_repeats_its_owner_as_hibernate_does(alice: Any, image: Path) -> None:
    parameters = omero.sys.ParametersI().addId(do_import(alice, image).pixels[0].id)
    query = "select {} p from Pixels p left outer join fetch p.channels where p.id = :id"
    find = alice.getSession().getQueryService().findAllByQuery

    assert len(find(query.format(""), parameters)) == 2
    assert len(find(query.format("distinct"), parameters)) == 1


def test_files_are_found_by_client_path_and_by_hash(alice: Any, image: Path) -> None:
    fileset = do_import(alice, image).objects[0].fileset.id.val
    by_path = "select fe.fileset.id, fe.originalFile.hash from FilesetEntry fe where fe.clientPath = :path"
    ((found, digest),) = project(alice, by_path, path=str(image))
    by_hash = (
        "select o.id from OriginalFile o join o.hasher h where o.name = :name and o.hash = :hash and h.value = :by"
    )

    assert found == fileset
    assert project(alice, by_hash, name=image.name, hash=digest, by="SHA1-160")


def test_images_are_found_by_annotation(alice: Any, image: Path, unique: str) -> None:
    image_id = do_import(alice, image, annotations=[comment(unique)]).objects[0].id.val
    query = (
        "select l.parent.id from ImageAnnotationLink l where l.child.id in "
        "(select a.id from CommentAnnotation a where a.ns = :ns and a.textValue = :key)"
    )

    assert project(alice, query, ns="example.org/tests", key=unique) == [[image_id]]


REFUSED = {
    "unknown-class": ("select x from Nonsense x", "not mapped"),
    "unknown-property": ("select d.colour from Dataset d", "could not resolve property: colour"),
    "unknown-alias": ("select e.id from Dataset d", "Invalid path"),
    "missing-parameter": ("select d from Dataset d where d.id = :missing", "missing"),
    "no-hql": ("drop table Dataset", "unexpected token"),
    "class-not-modelled": ("select r from Roi r", "not modelled"),
    "function-not-modelled": ("select year(e.time) from Event e", "not modelled"),
    "grouping-not-modelled": ("select d.name from Dataset d group by d.name", "not modelled"),
    "maps-not-modelled": ("select new map(d.id as id) from Dataset d", "not modelled"),
    "rest-not-modelled": ("select d from Dataset d where d.id = 1 limit 3", "not modelled"),
}


@pytest.mark.parametrize(("query", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused_even_without_rows(alice: Any, query: str, reason: str) -> None:
    dataset(alice, "a row")
    with pytest.raises(omero.QueryException, match=reason):
        alice.getSession().getQueryService().projection(query, None)


def test_objects_are_found_by_id_and_by_property(alice: Any, unique: str) -> None:
    made, query = dataset(alice, unique), alice.getSession().getQueryService()

    assert query.get("DatasetI", made.id.val).name.val == unique
    assert query.findByString("Dataset", "name", unique).id.val == made.id.val
    assert query.find("Dataset", 10**9) is None
    with pytest.raises(omero.ValidationException):
        query.get("Dataset", 10**9)


def test_a_changed_property_is_found_by_its_new_value_alone(alice: Any, unique: str) -> None:
    found = "select d.id from Dataset d where d.name = :name"
    made, update = dataset(alice, unique), alice.getSession().getUpdateService()
    assert project(alice, found, name=unique) == [[made.id.val]]

    loaded = alice.getSession().getQueryService().get("DatasetI", made.id.val)
    loaded.setName(rstring(f"{unique}-renamed"))
    update.saveObject(loaded)

    assert project(alice, found, name=unique) == []
    assert project(alice, found, name=f"{unique}-renamed") == [[made.id.val]]

    delete(alice, "Dataset", made.id.val)
    assert project(alice, found, name=f"{unique}-renamed") == []


def test_rows_are_found_by_what_is_joined_to_them(alice: Any, image: Path) -> None:
    filesets = sorted(do_import(alice, image).objects[0].fileset.id.val for _ in range(2))
    joined = "select e.fileset.id from FilesetEntry e join e.originalFile o where "
    ((digest,),) = project(alice, f"{joined.replace('e.fileset.id', 'o.hash', 1)} e.fileset.id = :id", id=filesets[0])

    found = project(alice, f"{joined} o.hash in (:hashes) and e.fileset.id in (:ids)", hashes=[digest], ids=filesets)
    assert found == [[each] for each in filesets]
    assert project(alice, f"{joined} o.hash = :hash", hash="0" * 40) == []


def test_a_map_annotation_keeps_its_pairs_in_order(alice: Any) -> None:
    made = omero.model.MapAnnotationI()
    made.setMapValue([omero.model.NamedValue("stain", "DAPI"), omero.model.NamedValue("stain", "GFP")])
    made.setNs(rstring("example.org/tests"))
    saved = alice.getSession().getUpdateService().saveAndReturnObject(made)
    found = alice.getSession().getQueryService().get("MapAnnotation", saved.id.val)

    assert [(pair.name, pair.value) for pair in found.getMapValue()] == [("stain", "DAPI"), ("stain", "GFP")]


def test_images_have_an_owner_and_a_time_of_import(alice: Any, image: Path) -> None:
    image_id = rlong(do_import(alice, image).objects[0].id.val)
    query = (
        "select i.details.owner.omeName, i.details.group.name, i.details.creationEvent.time "
        "from Image i where i.id = :id"
    )
    ((owner, group, time),) = project(alice, query, id=image_id)

    assert (owner, group) == ("alice", "lab")
    assert time > 1_700_000_000_000
