"""Where everything of a journey lies, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath

from atlas.demo.shelves import LEAVES, Leaf

#: Enough to learn from in two minutes on two cores.
PRODUCTS = 880


@dataclass(frozen=True)
class Places:
    """One folder with all results of a journey."""

    folder: FilePath
    products: int = PRODUCTS
    leaves: tuple[Leaf, ...] = LEAVES

    @property
    def table(self) -> FilePath:
        """The drawn store's products."""
        return self.folder / "store" / "products.csv"

    @property
    def shops(self) -> FilePath:
        """Store files of the two web shops, and the mapping of their categories."""
        return self.folder / "shops"

    @property
    def mapping(self) -> FilePath:
        """The shops' categories in the tree's words, as a person has confirmed them."""
        return self.shops / "mapping.csv"

    @property
    def crawl(self) -> FilePath:
        """What was collected from both shops."""
        return self.folder / "crawl"

    @property
    def dataset(self) -> FilePath:
        """The data set folder."""
        return self.folder / "dataset"

    @property
    def recipe(self) -> FilePath:
        """The recipe, for the user to copy and change."""
        return self.folder / "recipe.toml"

    @property
    def model(self) -> FilePath:
        """The model folder."""
        return self.folder / "model"

    @property
    def closeups(self) -> FilePath:
        """A data set of normal pictures and of close-ups cut out of them."""
        return self.folder / "closeups"

    @property
    def zoom(self) -> FilePath:
        """The model that tells them apart."""
        return self.folder / "zoom"

    @property
    def check(self) -> FilePath:
        """What is wrong with the data set."""
        return self.folder / "check"

    @property
    def predictions(self) -> FilePath:
        """Predictions of the data set's test part."""
        return self.folder / "predictions.parquet"

    @property
    def report(self) -> FilePath:
        """The report folder."""
        return self.folder / "report"

    @property
    def fresh(self) -> FilePath:
        """A few new pictures."""
        return self.folder / "new"
