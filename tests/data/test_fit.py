from dadist.data.fit import centres


def test_centres_are_the_pixels_that_hold_the_cells_centres() -> None:
    assert centres(760, 96).tolist() == [int((i + 0.5) * 760 / 96) for i in range(96)]
    assert centres(1280, 161).tolist() == [int((i + 0.5) * 1280 / 161) for i in range(161)]
    assert centres(4, 4).tolist() == [0, 1, 2, 3]
    assert centres(2, 4).tolist() == [0, 0, 1, 1]
