"""Sorts a folder of pictures by where they belong, least sure first: `sweep_folder.py MODEL FOLDER`."""

import sys
from pathlib import Path

import atlas

model, folder = sys.argv[1:]
files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
predictions = atlas.load(model).predict(files)

for prediction, file in sorted(zip(predictions, files, strict=True), key=lambda pair: pair[0].probability):
    print(f"{prediction.probability:.2f}  {file.name}: {prediction.error or ' > '.join(prediction.path)}")
