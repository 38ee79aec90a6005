import dataclasses
import html
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import builders
import damage
import numpy as np
import pages
import pytest
from PIL import Image

from dadist.classes import CLASS_SETS
from dadist.evaluation.confusion import Metrics
from dadist.prior.alignment import Alignment
from dadist.report import html_tables, likelihood_curves, warning_list
from dadist.report.charts import style
from dadist.report.figure_index import ShownFigure, opened
from dadist.report.figure_set import FigureSet
from dadist.report.pictures import pictures
from dadist.report.sections import Domain, lead

SIDES = (("mine_a", "synthia"), ("mine_b", "cityscapes"))
PHOTOS = Domain("photos", "folder", rendered=False)


class Read(HTMLParser):
    """Elements that were opened and not closed, headings, ids, sources."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(tag)
        self.ids += [str(given["id"])] if "id" in given else []
        self.sources += [str(given[name]) for name in ("src", "href", "xlink:href") if name in given]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}>"


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return Read(pages.page(tmp_path_factory.mktemp("page"), mixtures=builders.mixtures()))


def words(path: Path) -> str:
    """The text of a page, without its tags."""
    return words_of(path.read_text(encoding="utf-8").partition("<header>")[2].partition("<script>")[0])


def words_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def section(text: str, name: str) -> str:
    (found,) = re.findall(rf'<section id="{name}".*?</section>', text, re.S)
    return str(found)


def test_the_page_is_whole_and_its_ids_are_its_own(read: Read) -> None:
    assert read.open == []
    assert len(set(read.ids)) == len(read.ids)
    assert read.headings[0] == "h1"
    assert read.headings.count("h1") == 1
    assert all(int(later[1]) <= int(before[1]) + 1 for before, later in itertools.pairwise(read.headings))


def test_the_page_needs_no_other_file(read: Read) -> None:
    assert {
        source.partition(",")[0].partition(":")[0] if not source.startswith("#") else "#" for source in read.sources
    } <= {
        "data",
        "#",
    }
    assert "default-src 'none'" in read.text
    assert all(f'id="{link[1:]}"' in read.text for link in read.sources if link.startswith("#"))


def test_the_best_of_our_rows_is_marked_in_every_column_and_quoted_rows_are_not(read: Read) -> None:
    results = section(read.text, "results")
    first = results[: results.index("</table>")]
    rows = re.findall(r"<tr>.*?</tr>", first[first.index("<tbody>") :], re.S)
    assert ">ours</th>" in rows[2]
    assert ">q1</td>" in rows[2]
    assert len(rows) == 3 + 4  # ours, and the poster's of this task
    assert ['class="number best"' in row for row in rows] == [False, False, True, False, False, False, False]
    assert rows[2].count('class="number best"') == 1 + builders.CLASSES - 1  # the last class has no rate


def test_the_protocol_of_each_row_is_behind_a_disclosure_below_the_table(read: Read) -> None:
    table, _, below = section(read.text, "results").partition("</table>")
    assert "0e11" not in table  # the digest of the code
    protocols = re.search(r"<details><summary>How each row was made.*?</details>", below, re.S)
    assert protocols
    rows = re.findall(r"<tr>.*?</tr>", protocols[0], re.S)
    told = [re.sub(r"<[^>]*>", " ", row).split() for row in rows[1:]]
    made = ["1,", "2", "12", "native", "900", "last", "warm_up", "target", "unified", "0e11"]
    assert told == [[*name, *made] for name in (["source_only", "q0"], ["ours", "q0"], ["ours", "q1"])]
    assert "70.4 is printed" in protocols[0]


def scored(method: str, good: int) -> Metrics:
    """With these percent right of each of six classes; the last class occurs nowhere."""
    confusion = np.zeros((builders.CLASSES,) * 2, int)
    for label in range(builders.CLASSES - 1):
        confusion[label, label], confusion[label, (label + 1) % (builders.CLASSES - 1)] = good, 100 - good
    made = pages.metrics(pages.TRAINED[0])
    return dataclasses.replace(made, method=method, confusion=confusion.tolist())


def test_a_tie_is_marked_as_one_and_nothing_is_where_all_rows_are_equal() -> None:
    whole = "".join(html_tables.results([scored("a", 50), scored("b", 60), scored("c", 60)], builders.SEVEN, []))
    assert whole.count('class="number tie"') == 2 * builders.CLASSES  # mIoU and six classes
    assert whole.count("= <span") == 2 * builders.CLASSES
    assert 'class="number best"' not in whole
    assert "= marks rows that share it" in whole
    equal = "".join(html_tables.results([scored("a", 60), scored("b", 60)], builders.SEVEN, []))
    assert "tie" not in equal
    assert "best" not in equal.lower()


def test_rates_are_means_with_their_deviation(read: Read) -> None:
    # 79 and 78 of 100 right, as many wrong in each of six classes: IoU 79/121 = 65.29 and 78/122 = 63.93
    assert "64.6 ± 1.0" in re.sub(r"<[^>]*>", "", section(read.text, "results"))


def test_settings_are_shown_escaped(read: Read) -> None:
    assert "<script>alert" not in read.text
    assert "&lt;script&gt;alert(1)" in section(read.text, "made")


def test_warnings_are_one_entry_per_kind_and_the_head_counts_them(read: Read) -> None:
    found = section(read.text, "warnings")
    entries = found.split("<li><details>")[1:]
    assert len(entries) == 2
    critic, vanished = (re.sub(r"<[^>]*>", "", one.partition("</summary>")[0]) for one in entries)
    assert critic.startswith("A critic won: source_only q0, seed 2; ours q0, seeds 1, 2; ours q1, seeds 1, 2.")
    assert "no pixel is labelled sky, vehicle" in vanished  # few of its kind, so at once
    assert "lower critic_lr" in entries[0]
    assert '<a href="#warnings" class="badge">2 warnings</a>' in read.text


def test_a_round_that_is_worse_than_the_one_before_is_a_warning(tmp_path: Path) -> None:
    better, worse = scored("ours", 80), dataclasses.replace(scored("ours", 70), round="q1")
    (found,) = warning_list.of_metrics([better, worse])
    assert (found.who, found.alarm.name) == ("ours q1", "got_worse")
    assert found.alarm.what == "mIoU fell from 66.7 (q0) to 53.8, by 12.8 (one seed)"  # 80/120 and 70/130
    assert (
        warning_list.of_metrics([dataclasses.replace(worse, round="q0"), dataclasses.replace(better, round="q1")]) == []
    )
    assert "Self-training made it worse: ours q1: mIoU fell" in words_of(str(warning_list.listed([found])))


def test_costs_versions_and_devices_are_told(read: Read) -> None:
    assert "1 job, 62 s one after the other" in section(read.text, "costs")
    made = section(read.text, "made")
    assert "<dt>trained on</dt><dd>cpu</dd>" in made
    assert "<dt>matplotlib</dt>" in made


def test_a_target_without_labels_gives_a_page_that_says_so_once(tmp_path: Path) -> None:
    found = Read(pages.page(tmp_path, labelled=False, target=PHOTOS, rounds=())).text
    assert found.count("no labels to compare with") == 1
    there = re.findall(r'<section id="(\w+)"', found)
    assert there == ["overview", "warnings", "labels", "embedding", "training", "costs", "made"]
    assert re.findall(r'<a href="#(\w+)">', found.partition("<nav")[2].partition("</nav>")[0]) == there


def test_the_page_opens_with_the_scores_and_the_panel(read: Read) -> None:
    assert re.findall(r'<section id="(\w+)"', read.text)[:3] == ["overview", "results", "warnings"]
    opening = section(read.text, "overview")
    titles = re.findall(r'aria-label="Figure: ([^".]*)', opening)
    assert titles == ["mIoU of each method and round", "predictions"]
    assert "ours q1 64.6" in opening  # told to who cannot see it


def test_the_prior_is_seen_at_work_where_its_figures_are_given(read: Read, tmp_path: Path) -> None:
    assert "The prior at work" not in read.text
    made = FigureSet(tmp_path / "prior", 60)
    Image.new("RGB", (300, 90), (10, 120, 60)).save(
        made.picture(ShownFigure("changed", "fusion", "What changed", "5 % move.", "Five columns."))
    )
    with style():
        aligned = Alignment("relative", 1.2, 0.0, (0.1, 0.1), 1.0, [0.3, 1.0, 3.0], [-2.0, 1.0, 0.0], 9)
        made.add(likelihood_curves.chart(aligned), likelihood_curves.described(aligned))
    made.close()
    found = Read(pages.page(tmp_path, prior=[tmp_path / "prior"]))
    inside = section(found.text, "fusion")
    assert inside.count("<figure>") == 2
    assert "5 % move." in inside
    assert 'alt="Five columns."' in inside
    assert "data:image/png;base64" in inside
    assert "scale a of z = a r + b" in inside
    assert '<a href="#fusion">The prior at work</a>' in found.text
    assert not found.open
    assert len(found.ids) == len(set(found.ids))


REAL, DRAWN = (tuple(Domain(name, kind, rendered=drawn) for name, kind in SIDES) for drawn in (False, True))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Figures of a target with labels, and of one without."""
    scores = [pages.metrics(one) for one in pages.TRAINED]
    folders = {labelled: tmp_path_factory.mktemp("shown") for labelled in (True, False)}
    return {labelled: pages.drawn(folder, scores * labelled, None) for labelled, folder in folders.items()}


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(
    ("source", "target", "streets", "rendered", "published"),
    [
        (
            *DRAWN,
            "Both are rendered by the project itself: streets in the layout of SYNTHIA and Cityscapes.",
            "Here mine_a and mine_b are rendered: another task",
            True,
        ),
        (
            *(DRAWN[0], REAL[1]),
            "mine_a is rendered by the project itself: streets in the layout of SYNTHIA.",
            "Here mine_a is rendered: another task",
            True,
        ),
        (
            *(REAL[0], DRAWN[1]),
            "mine_b is rendered by the project itself: streets in the layout of Cityscapes.",
            "Here mine_b is rendered: another task",
            True,
        ),
        (DRAWN[0], PHOTOS, "mine_a is rendered by the project itself: streets in the layout of SYNTHIA.", "", False),
        (*REAL, "", "", True),
        (REAL[0], PHOTOS, "", "", False),
    ],
)
def test_every_sentence_that_depends_on_the_data_is_true_of_it(
    shown: dict[bool, Path],
    tmp_path: Path,
    source: Domain,
    target: Domain,
    streets: str,
    rendered: str,
    published: bool,
    labelled: bool,
) -> None:
    found = words(pages.page(tmp_path, source=source, target=target, labelled=labelled, shown=shown[labelled]))

    # the lead: which domains, whether they are drawn, whether there are labels
    assert f"{source.name} to {target.name}, 7 classes, the target at 1280×760 pixels. {streets}".strip() in found
    assert found.count("rendered by the project itself") == bool(streets)
    assert ("There are no labels to compare with, so there is no table." in found) == (not labelled)
    assert ("Best mean IoU of one model: 65.3 % (ours q1, seed 1)." in found) == labelled
    # the results: whether the published numbers are of this task, and whether there are rows of ours above
    assert ("Rows in italics are quoted" in found) == (published and labelled and not rendered)
    assert ("Published numbers on the real data sets" in found) == (published and not (labelled and not rendered))
    assert rendered in found
    assert ("These are of the real SYNTHIA and Cityscapes." in found) == bool(rendered)
    assert ("on the target's validation images" in found) == labelled
    # the predictions: whether there is a truth
    assert (f"Target images, {'their truth, ' * labelled}and predictions;") in found
    assert ("black has no label, white is padding" in found) == labelled
    # the costs: what else there was to do
    others = [*["rendering"] * bool(streets), *["the table of results"] * labelled, "this page"]
    assert f"Not among them: {', '.join(others)}." in found
    # what it was made with: known from the metrics
    assert ("no metrics to tell" in found) == (not labelled)


def test_the_caption_of_one_seed_s_row_speaks_of_no_deviation_and_no_best_row(tmp_path: Path) -> None:
    (one,) = html_tables.results([pages.metrics(pages.TRAINED[0])], builders.SEVEN, [])[0].split("<caption>")[1:]
    assert one.startswith(
        "Intersection over union, percent, on the target&#x27;s validation images: of seed 1.</caption>"
    )


def test_labels_without_a_pixel_give_a_table_and_a_lead_that_says_so(tmp_path: Path) -> None:
    nothing = dataclasses.replace(pages.metrics(pages.TRAINED[0]), confusion=[[0] * 7] * 7)
    said = str(lead(pages.task(tmp_path), [nothing], []))
    assert "No pixel of the target has a label to compare with, so no model has a mean." in said


@pytest.mark.parametrize("name", ["16", "19"])
def test_mixtures_and_labels_of_other_class_sets_are_no_concern_of_a_page_without_them(
    tmp_path: Path, name: str
) -> None:
    classes = CLASS_SETS[name]
    counts = {key: [0] * len(classes) for key in ("labelled", "kept", "thresholds")}
    assert html_tables.removed("ours q1", counts, classes).count("<tr>") == len(classes) + 1


def test_the_colours_of_the_classes_are_told_under_the_predictions(read: Read) -> None:
    found = section(read.text, "overview")
    for row in builders.SEVEN.categories:
        assert f'style="background: rgb{row.colour}" aria-hidden="true"></span>{row.name}</li>' in found


def test_any_damage_to_a_picture_is_told_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "panel.png"
    Image.effect_noise((40, 20), 80).convert("RGB").save(path)
    told = damage.every([path], lambda: pictures(path, "title", "alt", 800), step=31)
    assert told["panel.png"] > 0.9 * path.stat().st_size / 31


def test_classes_of_any_name_have_their_figures_and_stand_escaped_on_the_page(tmp_path: Path) -> None:
    mixtures = dataclasses.replace(builders.mixtures(), classes=builders.ODDLY)
    found = Read(pages.page(tmp_path, classes=builders.ODDLY, mixtures=mixtures))
    assert found.open == []
    for name in builders.ODD:
        assert html.escape(name) in section(found.text, "results")
        assert html.escape(name) in section(found.text, "overview")
    assert "<b>" not in found.text
    for figure in (tmp_path / "figures").glob("*.svg"):
        ElementTree.parse(figure)
    iou = (tmp_path / "figures/iou.svg").read_text(encoding="utf-8")
    assert ">$x_1</text>" in iou
    assert "> _{b}$</text>" in iou
    assert ">very very very very very very v…</text>" in iou


def test_models_without_any_score_are_told_so(tmp_path: Path) -> None:
    nothing = [dataclasses.replace(pages.metrics(pages.TRAINED[0]), confusion=[[0] * 7] * 7)]
    shown = opened(pages.drawn(tmp_path, nothing, None))
    assert "No model has a mean." in next(one.alt for one in shown if one.name == "iou")
    assert not [one for one in shown if "nan" in one.alt]
