from dadist.report.html import Markup, cell, details, hidden, table, tag, text


def test_text_is_escaped_and_markup_is_not() -> None:
    assert text("a < b & c") == "a &lt; b &amp; c"
    assert text([Markup("<b>"), "<b>", 3, None]) == "<b>&lt;b&gt;3"


def test_attributes_are_escaped_named_as_in_html_and_left_out_if_there_is_nothing() -> None:
    made = tag("p", "x", class_="a b", aria_label='say "<hi>"', id=None, hidden=False, open=True)
    assert made == '<p class="a b" aria-label="say &quot;&lt;hi&gt;&quot;" open>x</p>'


def test_an_image_has_no_end() -> None:
    assert tag("img", src="data:,", alt="") == '<img src="data:," alt="">'


def test_a_table_sorts_by_buttons_and_scrolls_as_a_region_with_a_name() -> None:
    made = table(
        "all of it", [("name", "text"), ("IoU", "number")], [[cell("a", value="a"), cell("1.0", value=1.0)]], label="T"
    )
    assert made.count("<button") == 2
    assert made.count('aria-sort="none"') == 2
    assert 'role="region" aria-label="T" tabindex="0"' in made
    assert '<td class="number" data-value="1.0">1.0</td>' in made
    assert "<caption>all of it</caption>" in made


def test_a_table_that_cannot_be_sorted_has_no_buttons() -> None:
    made = table("", [("name", "text")], [], label="T", sortable=False)
    assert "button" not in made
    assert "aria-sort" not in made


def test_what_only_a_screen_reader_needs_is_there_and_hidden() -> None:
    assert hidden("none") == '<span class="hidden">none</span>'
    assert details("more", "all", opened=True) == "<details open><summary>more</summary>all</details>"
