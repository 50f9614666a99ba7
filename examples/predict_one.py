"""Says where one picture belongs: `python examples/predict_one.py MODEL PICTURE`."""

import sys

import atlas

model, picture = sys.argv[1:]
prediction = atlas.load(model).predict(picture)

for level, (name, probability) in enumerate(zip(prediction.path, prediction.level_probabilities, strict=True)):
    print("  " * level + f"{name}  {probability:.2f}")
for other in prediction.alternatives:
    print(f"or {' > '.join(other.path)}  {other.probability:.2f}")
