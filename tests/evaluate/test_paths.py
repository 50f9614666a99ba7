import numpy as np

from atlas.evaluate.paths import NO_PATH, PathTable


def test_the_table_holds_all_prefixes_and_numbers_what_each_path_shares():
    table = PathTable.of([("Men", "Shirts"), ("Women",), ("Women", "Shirts", "Plain")])
    assert table.paths == (
        (), ("Men",), ("Men", "Shirts"), ("Women",), ("Women", "Shirts"), ("Women", "Shirts", "Plain"),
    )  # fmt: skip
    assert table.levels == 3
    assert table.at_level.tolist() == [[-1, -1, -1], [1, -1, -1], [1, 2, -1], [3, -1, -1], [3, 4, -1], [3, 4, 5]]


def test_names_agree_wherever_they_stand():
    table = PathTable.of([("Men", "Shirts"), ("Women", "Shirts"), ("Shirts",)])
    number = {path: table.number[path] for path in table.paths}
    at = table.name_at
    assert at[number["Men", "Shirts"], 1] == at[number["Women", "Shirts"], 1] == at[number[("Shirts",)], 0]
    assert at[number["Men", "Shirts"], 0] != at[number["Women", "Shirts"], 0]
    last = table.last_name
    assert last[number["Men", "Shirts"]] == last[number[("Shirts",)]]
    assert last[NO_PATH] == -1
    assert np.all(table.name_at[NO_PATH] == -1)
