import pytest

from dadist.data.resize import Fit, Frame, Size, centres


def test_centres_are_the_pixels_that_hold_the_cells_centres() -> None:
    assert centres(760, 96).tolist() == [int((i + 0.5) * 760 / 96) for i in range(96)]
    assert centres(1280, 161).tolist() == [int((i + 0.5) * 1280 / 161) for i in range(161)]
    assert centres(4, 4).tolist() == [0, 1, 2, 3]
    assert centres(2, 4).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("fit", "size", "content", "frame"),
    [
        ("stretch", (2048, 1024), (1280, 760), (1280, 760)),  # the target's own: as prepared
        ("stretch", (1024, 512), (1280, 760), (1280, 760)),
        ("stretch", (1921, 960), (1280, 760), (1280, 760)),  # the same but for rounding
        ("stretch", (4000, 3000), (1138, 854), (1138, 854)),  # 4:3 stays 4:3, of as many pixels
        ("stretch", (3000, 4000), (854, 1138), (854, 1138)),
        ("pad", (4000, 3000), (1013, 760), (1280, 760)),
        ("pad", (3000, 4000), (570, 760), (1280, 760)),
    ],
)
def test_an_image_of_any_size_finds_its_place_in_a_frame(fit: Fit, size: Size, content: Size, frame: Size) -> None:
    assert Frame(1280, 760, fit, (2048, 1024)).of(size) == (content, frame)
