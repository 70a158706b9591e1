"""Targets as OMERO's command line writes them: any that can be written can be read, and rules by folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import CourierError, TargetNotFound, TargetSyntax
from flows.core.target_syntax import ProjectPrefix, Target, TargetRule, parse_target

IDS = st.integers(1, 2**63 - 1)
PICKS = st.sampled_from("+-%@")
ANY_NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
PROJECT_NAMES = ANY_NAME.filter(lambda name: not any(f"/{kind}:" in f"{name}/" for kind in ("Dataset", "Screen")))
PROJECTS = st.builds(ProjectPrefix, id=IDS) | st.builds(ProjectPrefix, name=PROJECT_NAMES, pick=PICKS)


def assert_helps(refused: CourierError) -> None:
    """A refusal says what is wrong and what to do."""
    assert refused.what
    assert refused.advice


def targets(**more):
    kinds = st.just("Dataset") if more else st.sampled_from(["Dataset", "Screen"])
    by_id = st.builds(Target, kind=kinds, id=IDS, **more)
    return by_id | st.builds(Target, kind=kinds, name=ANY_NAME, pick=PICKS, **more)


@given(targets() | targets(project=PROJECTS))
def test_what_is_written_is_read_again(target: Target) -> None:
    assert parse_target(str(target)) == target


@given(st.text(max_size=60))
def test_any_text_is_a_target_or_refused_with_a_word_of_help(text: str) -> None:
    try:
        read = parse_target(text)
    except TargetSyntax as refused:
        assert_helps(refused)
    else:
        assert parse_target(str(read)) == read


@given(st.sampled_from(["regex:", "regex:-name:"]), st.text(max_size=30))
def test_any_pattern_is_a_rule_or_refused(prefix: str, pattern: str) -> None:
    try:
        rule = parse_target(f"{prefix}{pattern}(?<Container1>.*)")
    except TargetSyntax as refused:
        assert_helps(refused)
        return
    assert isinstance(rule, TargetRule)
    try:
        assert rule.target_for("/data/alice/week-1", "Dataset").name
    except TargetNotFound as unfit:
        assert_helps(unfit)


@pytest.mark.parametrize(
    ("rule", "folder", "target"),
    [
        (r"regex:^.*images/(?<Container1>.*?)", "/home/alice/images/dv", "Dataset:name:dv"),
        (r"regex:^.*plates/(?<Container1>[^/]*)/.*", "/data/plates/week-1/2015-12-01_000", "Dataset:name:week-1"),
        (r"regex:-name:.*/(?<Container1>[^/]+)", "/data/a b: c", "Dataset:-name:a b: c"),
        (r"regex:%name:.*/(?P<Container1>[^/]+)", "/data/x", "Dataset:%name:x"),
        (r"regex:@name:.*/(?<Container1>[^/]+)", "/data/x", "Dataset:@name:x"),
        (r"regex:(?:.*)/(?<Container1>\d+)", "/data/2026", "Dataset:name:2026"),
        (r"regex:C:/Data/(?<Container1>[^/]+).*", "C:\\Data\\alice\\monday", "Dataset:name:alice"),
    ],
)
def test_a_rule_names_the_dataset_by_the_folder(rule: str, folder: str, target: str) -> None:
    assert str(parse_target(rule).target_for(folder, "Dataset")) == target


def test_a_rule_sends_plates_to_a_screen() -> None:
    rule = parse_target(r"regex:.*/(?<Container1>[^/]+)/.*")

    assert str(rule.target_for("/data/drugs/plate1", "Screen")) == "Screen:name:drugs"


@pytest.mark.parametrize("folder", ["/data/other/x", "/images", "/images/"])
def test_a_folder_that_does_not_fit_is_refused_and_not_put_nowhere(folder: str) -> None:
    with pytest.raises(TargetNotFound):
        parse_target(r"regex:.*/images/(?<Container1>[^/]*)").target_for(folder, "Dataset")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("regex:", "names by name only"),
        ("regex:id:5", "names by name only"),
        ("regex:.*/([^/]+)", "no group"),
        ("regex:.*/(?<Container2>[^/]+)", "no group"),
        ("regex:(?<Container1>[", "is no pattern"),
        ("Project:name:P", "into a dataset in it"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_reason(text: str, told: str) -> None:
    with pytest.raises(TargetSyntax, match=told):
        parse_target(text)


def test_a_pattern_that_would_take_for_ever_is_given_up() -> None:
    rule = parse_target(r"regex:(?<Container1>(?:(?:a|aa)+)+)$b")

    with pytest.raises(TargetNotFound, match="takes too long"):
        rule.target_for("a" * 200, "Dataset")
